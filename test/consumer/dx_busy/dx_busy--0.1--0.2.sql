ALTER TABLE dx_busy_a ADD note text;
ALTER TABLE dx_busy_b ADD note text;
ALTER TABLE dx_busy_c ADD note text;
