-- With the function in dx.function: register or apply.  %owner% stands for PostgreSQL's replacement.
DO $$
DECLARE
  manifest jsonb := replace(current_setting('dx.manifest'), '%owner%', '@extowner@');
BEGIN
  IF current_setting('dx.function', true) = 'apply' THEN
    PERFORM dynpgext.apply(manifest);
  ELSE
    PERFORM dynpgext.register('dx_script', manifest);
  END IF;
END$$;
