-- Registrations.  Written by dynpgext only.  Not dumped: the extensions register again when
-- they are restored.  src/catalog/rows.cpp relies on the order of columns.

CREATE TABLE dynpgext.registered_extension (
    extension name NOT NULL PRIMARY KEY,
    version text NOT NULL,
    library text NOT NULL,
    eager boolean NOT NULL,
    loaded boolean NOT NULL,
    boot bigint NOT NULL,
    incarnation bigint NOT NULL
);
COMMENT ON TABLE dynpgext.registered_extension IS 'extensions of this database that take part in dynpgext; read dynpgext.extensions instead';
COMMENT ON COLUMN dynpgext.registered_extension.extension IS 'as in pg_extension';
COMMENT ON COLUMN dynpgext.registered_extension.version IS 'that was provisioned last';
COMMENT ON COLUMN dynpgext.registered_extension.library IS 'that it takes part with';
COMMENT ON COLUMN dynpgext.registered_extension.eager IS 'is provisioned without dynpgext.load()';
COMMENT ON COLUMN dynpgext.registered_extension.loaded IS 'has not been unloaded';
COMMENT ON COLUMN dynpgext.registered_extension.boot IS 'of one that is not eager: the run of the server in which it was loaded';
COMMENT ON COLUMN dynpgext.registered_extension.incarnation IS 'differs between one CREATE EXTENSION and the next';

CREATE TABLE dynpgext.registered_allocation (
    name text NOT NULL PRIMARY KEY,
    extension name NOT NULL,
    scope text NOT NULL CHECK (scope IN ('global', 'database')),
    size bigint NOT NULL CHECK (size > 0)
);
COMMENT ON TABLE dynpgext.registered_allocation IS 'shared memory that extensions of this database have registered; read dynpgext.allocations instead';
COMMENT ON COLUMN dynpgext.registered_allocation.name IS 'as given to allocate_shmem';
COMMENT ON COLUMN dynpgext.registered_allocation.extension IS 'that registered it';
COMMENT ON COLUMN dynpgext.registered_allocation.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.registered_allocation.size IS 'in bytes';

CREATE TABLE dynpgext.registered_worker (
    extension name NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    scope text NOT NULL CHECK (scope IN ('global', 'database')),
    library text NOT NULL,
    function text NOT NULL,
    flags integer NOT NULL,
    start integer NOT NULL,
    notify boolean NOT NULL,
    callback boolean NOT NULL,
    extra bytea NOT NULL,
    argument bigint NOT NULL,
    PRIMARY KEY (extension, name)
);
COMMENT ON TABLE dynpgext.registered_worker IS 'background workers that extensions of this database have registered; read dynpgext.workers instead';
COMMENT ON COLUMN dynpgext.registered_worker.extension IS 'that registered it';
COMMENT ON COLUMN dynpgext.registered_worker.name IS 'bgw_name';
COMMENT ON COLUMN dynpgext.registered_worker.type IS 'bgw_type';
COMMENT ON COLUMN dynpgext.registered_worker.scope IS 'global or database';
COMMENT ON COLUMN dynpgext.registered_worker.library IS 'that the function is in';
COMMENT ON COLUMN dynpgext.registered_worker.function IS 'bgw_function_name';
COMMENT ON COLUMN dynpgext.registered_worker.flags IS 'bgw_flags';
COMMENT ON COLUMN dynpgext.registered_worker.start IS 'bgw_start_time';
COMMENT ON COLUMN dynpgext.registered_worker.notify IS 'the process that starts it is told when its state changes';
COMMENT ON COLUMN dynpgext.registered_worker.callback IS 'whoever starts it runs the extension''s init first, for its callback';
COMMENT ON COLUMN dynpgext.registered_worker.extra IS 'bgw_extra';
COMMENT ON COLUMN dynpgext.registered_worker.argument IS 'bgw_main_arg of a global worker';

