-- Created, and so dropped, in this order.
CREATE TABLE t_a (n integer);
CREATE TABLE t_b (n integer);
CREATE TABLE t_c (n integer);
