-- Commands that wait for a lock in the middle, so that a test can grant rights meanwhile.  Each
-- runs when notified.
CREATE TABLE dx_gate (worker text);
CREATE TABLE dx_next (worker text);
CREATE TABLE dx_parts (worker text) PARTITION BY LIST (worker);
CREATE TABLE dx_part PARTITION OF dx_parts DEFAULT;
CREATE DOMAIN dx_word AS text;
CREATE FUNCTION dx_value() RETURNS integer LANGUAGE sql AS 'SELECT 1';

CREATE PROCEDURE dx_in_parts() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO @extschema@.dx_gate VALUES ('dx procedure');
    COMMIT;
    INSERT INTO @extschema@.dx_next VALUES ('dx procedure');
END $$;

-- For the executor, neither assignment is a separate statement.
CREATE FUNCTION dx_assigns() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    result integer;
BEGIN
    LOCK TABLE @extschema@.dx_gate IN ROW EXCLUSIVE MODE;
    result := @extschema@.dx_value();
    RETURN result;
END $$;

CREATE FUNCTION dx_casts() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text := 'word';
BEGIN
    LOCK TABLE @extschema@.dx_gate IN ROW EXCLUSIVE MODE;
    result := result::@extschema@.dx_word;
    RETURN result;
END $$;

-- Continues after errors.
CREATE FUNCTION dx_catches() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE @extschema@.dx_gate IN ROW EXCLUSIVE MODE;
    FOR i IN 1 .. 3 LOOP
        BEGIN
            INSERT INTO @extschema@.dx_next VALUES ('dx catches');
        EXCEPTION WHEN insufficient_privilege THEN
            NULL;
        END;
    END LOOP;
    INSERT INTO @extschema@.dx_next VALUES ('dx catches');
END $$;

SELECT dynpgext.register('dx_rights', '{
  "dynpgext": 1,
  "workers": [
    {"name": "dx two", "command": "INSERT INTO @extschema@.dx_gate VALUES (''dx two''); INSERT INTO @extschema@.dx_next VALUES (''dx two'')", "run_as": "@extowner@", "channel": "dx two"},
    {"name": "dx one", "command": "INSERT INTO @extschema@.dx_next VALUES (''dx one'')", "run_as": "@extowner@", "channel": "dx one"},
    {"name": "dx part", "command": "INSERT INTO @extschema@.dx_parts VALUES (''dx part'')", "run_as": "@extowner@", "channel": "dx part"},
    {"name": "dx truncate", "command": "TRUNCATE @extschema@.dx_gate, @extschema@.dx_next", "run_as": "@extowner@", "channel": "dx truncate"},
    {"name": "dx procedure", "command": "CALL @extschema@.dx_in_parts()", "atomic": false, "run_as": "@extowner@", "channel": "dx procedure"},
    {"name": "dx assigns", "command": "SELECT @extschema@.dx_assigns()", "run_as": "@extowner@", "channel": "dx assigns"},
    {"name": "dx casts", "command": "SELECT @extschema@.dx_casts()", "run_as": "@extowner@", "channel": "dx casts"},
    {"name": "dx catches", "command": "SELECT @extschema@.dx_catches()", "run_as": "@extowner@", "channel": "dx catches"}
  ]
}');
