-- Last: what is installed already takes part from now on.
SELECT dynpgext_internal.adopt_installed_extensions();
