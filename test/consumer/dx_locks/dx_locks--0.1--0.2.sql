-- In the reverse order.
ALTER TABLE t_c ADD COLUMN more integer;
ALTER TABLE t_b ADD COLUMN more integer;
ALTER TABLE t_a ADD COLUMN more integer;
