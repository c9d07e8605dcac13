GRANT INSERT ON dx_trusted_log TO @extowner@;
GRANT SELECT ON dx_trusted_other TO @extowner@;
