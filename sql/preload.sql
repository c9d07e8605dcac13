--
-- preload(): dynpgext in shared_preload_libraries, for the next restart.
--
CREATE EXTENSION dynpgext;
-- The initial setting, restored at the end
CREATE TEMPORARY VIEW setting AS
  SELECT coalesce((SELECT setting FROM pg_file_settings
                    WHERE name = 'shared_preload_libraries' ORDER BY seqno DESC LIMIT 1), '') AS in_files;
CREATE TEMPORARY TABLE before AS SELECT in_files FROM setting;
SELECT in_files LIKE '%dynpgext%' AS listed FROM before;

-- Add
SELECT dynpgext.preload() = concat_ws(', ', nullif(in_files, ''), 'dynpgext') AS added FROM before;
SELECT in_files LIKE '%dynpgext%' AS listed FROM setting;
SELECT preloaded FROM dynpgext.status;
-- Again: nothing changes
SELECT dynpgext.preload(true) = in_files AS same FROM setting;

-- Remove
SELECT dynpgext.preload(false) = in_files AS removed FROM before;
SELECT in_files LIKE '%dynpgext%' AS listed FROM setting;
-- Again: nothing changes
SELECT dynpgext.preload(false) = in_files AS same FROM setting;
SELECT b.in_files = s.in_files AS as_before FROM before b, setting s;

DROP EXTENSION dynpgext;
