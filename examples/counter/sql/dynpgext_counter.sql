-- Without dynpgext the functions name the missing steps.
CREATE EXTENSION dynpgext_counter;
SELECT counter_next();
-- dynpgext adopts installed extensions.
CREATE EXTENSION dynpgext;
SELECT counter_next();
SELECT counter_next();
SELECT counter_value();
-- Other sessions see the same memory.
\c -
SELECT counter_next();
SELECT counter_reset();
SELECT counter_value();
SELECT name, scope, database = current_database() AS here, size, state
  FROM dynpgext.allocations WHERE extension = 'dynpgext_counter';
-- A new CREATE EXTENSION begins with a new counter.
SELECT counter_next();
DROP EXTENSION dynpgext_counter;
CREATE EXTENSION dynpgext_counter;
SELECT counter_next();
DROP EXTENSION dynpgext_counter;
SELECT count(*) FROM dynpgext.extensions;
DROP EXTENSION dynpgext;
