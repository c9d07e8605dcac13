-- Runs the function named in dx.function, register or apply, on the manifest in dx.manifest, where %owner%
-- stands for PostgreSQL's replacement of @extowner@.
CREATE FUNCTION dx_role_script_runs(owner text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  manifest jsonb := replace(current_setting('dx.manifest'), '%owner%', owner);
BEGIN
  IF current_setting('dx.function', true) = 'apply' THEN
    PERFORM dynpgext.apply(manifest);
  ELSE
    PERFORM dynpgext.register('dx_role_script', manifest);
  END IF;
END$$;
SELECT dx_role_script_runs('@extowner@');
