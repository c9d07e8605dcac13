SELECT dx_role_script_runs('@extowner@');
