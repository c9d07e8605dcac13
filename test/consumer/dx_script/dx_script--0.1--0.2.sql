SELECT dx_script_runs('@extowner@');
