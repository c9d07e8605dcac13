-- In the reverse order.
ALTER TABLE t_c DROP COLUMN more;
ALTER TABLE t_b DROP COLUMN more;
ALTER TABLE t_a DROP COLUMN more;
