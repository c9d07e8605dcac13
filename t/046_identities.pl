# The role of an SQL worker is decided at its registration, and recorded as a role, not as a name. Later
# changes of names, owners and databases never turn it into another role.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use IPC::Run;
use PostgreSQL::Test::Utils;
use JSON::PP;
use SqlWorkers;
use Test::More;

my $node = new_cluster('main', 'dynpgext.restart_delay_max' => '1s');
my $folder = PostgreSQL::Test::Utils::tempdir();
value($node, 'postgres', q(CREATE ROLE role_a LOGIN; CREATE ROLE role_b LOGIN; CREATE ROLE dba LOGIN SUPERUSER; CREATE DATABASE one OWNER role_a));
value($node, 'one', q(CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain;
    GRANT EXECUTE ON FUNCTION dynpgext.register, dynpgext.apply, dynpgext.export TO role_a;
    CREATE TABLE public.seen (what text, who name DEFAULT current_user); GRANT INSERT, SELECT ON public.seen TO PUBLIC;));
value($node, 'one', 'SET ROLE role_a; CREATE EXTENSION hstore');

# The command of role_a, which waits for its chance.
my $raise = q(DO $$ BEGIN
    INSERT INTO public.seen VALUES ('ran');
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN ALTER ROLE role_a SUPERUSER; END IF;
END $$);

sub manifest {
    my (@workers) = @_;
    return quoted(JSON::PP->new->ascii->canonical->encode({ dynpgext => 1, workers => [ map { { interval => '50 ms', restart => { policy => 'on_failure', delay => '100 ms' }, %$_ } } @workers ] }));
}

sub role_a_registers {
    value($node, 'one', q{SET ROLE role_a; SELECT dynpgext.register('hstore', } . manifest(@_) . ')');
    return;
}

sub comes_to {
    my ($worker, $condition, $test, $database) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $database //= 'one';
    return ok(command_is($node, $database, $worker, $condition), $test)
      || diag(command_row($node, $database, $worker), "\n", $node->safe_psql($database, q(SELECT * FROM dynpgext.events ORDER BY at DESC LIMIT 12)));
}

# It has run since this call.
sub goes_on {
    my ($worker, $as, $test, $database) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $database //= 'one';
    my ($runs, $failures) = split /\|/, value($node, $database, "SELECT runs, failures FROM dynpgext.commands WHERE worker = '$worker'");
    return comes_to($worker, "state = 'running' AND run_as = '$as' AND runs > $runs + 1 AND failures = $failures", $test, $database);
}

sub is_no_superuser {
    my ($test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(value($node, 'postgres', q(SELECT rolsuper FROM pg_roles WHERE rolname = 'role_a')), 'f', "$test: role_a has gained nothing");
}

role_a_registers({ name => 'raises', command => $raise });

subtest 'the owner of the extension does not matter' => sub {
    comes_to('raises', q(runs > 1 AND failures = 0 AND run_as = 'role_a' AND registered_by = 'role_a'), 'it runs as the role that has registered it');
    value($node, 'one', 'REASSIGN OWNED BY role_a TO dba');
    is(value($node, 'one', q(SELECT extowner::regrole FROM pg_extension WHERE extname = 'hstore')), 'dba', 'the extension is a superuser\'s');
    goes_on('raises', 'role_a', 'its command is not');
    value($node, 'one', 'SELECT * FROM dynpgext.reload()');
    is_no_superuser('REASSIGN OWNED');
    value($node, 'one', q(UPDATE pg_extension SET extowner = 'role_a'::regrole WHERE extname = 'hstore'; ALTER DATABASE one OWNER TO role_a));
};

subtest 'a restore, a copy, an export' => sub {
    command_ok([ 'pg_dump', '-f', "$folder/one.sql", $node->connstr('one') ], 'pg_dump');
    unlike(slurp_file("$folder/one.sql"), qr/USER MAPPING/, 'which has no user mappings');
    value($node, 'postgres', 'CREATE DATABASE restored');
    command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$folder/one.sql" ], 'restored by a superuser');
    goes_on('raises', 'role_a', 'who it is', 'restored');
    is(value($node, 'restored', q(SELECT count(*) FROM seen WHERE who <> 'role_a')), 0, 'it has run as no other role');
    is_no_superuser('a restore');

    value($node, 'postgres', 'CREATE DATABASE copied TEMPLATE restored');
    ok($node->poll_query_until('copied', q(SELECT count(*) = 1 FROM dynpgext.commands WHERE worker = 'raises' AND run_as = 'role_a' AND runs > 1)), 'a copy');
    is_no_superuser('a copy');
    value($node, 'postgres', 'DROP DATABASE copied');

    my $export = value($node, 'one', 'SELECT dynpgext.export()');
    like($export, qr/"run_as": "role_a"/, 'an export names it');
    value($node, 'restored', q(SELECT dynpgext.register('hstore', '{"dynpgext": 1}')));
    isnt(value($node, 'restored', 'SELECT count(*) FROM dynpgext.apply(' . quoted($export) . ')'), 0, 'applied by a superuser');
    goes_on('raises', 'role_a', 'who it is', 'restored');
    is(value($node, 'restored', 'SELECT count(*) FROM dynpgext.apply(dynpgext.export())'), 0, 'a database exports its registrations');
    is_no_superuser('apply()');
    value($node, 'postgres', 'DROP DATABASE restored');
};

subtest 'a role that is missing, or a superuser, where it is restored' => sub {
    my $dump = slurp_file("$folder/one.sql") =~ s/\brole_a\b/role_c/gr;
    PostgreSQL::Test::Utils::append_to_file("$folder/missing.sql", $dump =~ s/^(?:GRANT|ALTER|SET ROLE|REVOKE).*role_c.*\n//gmr);
    value($node, 'postgres', 'CREATE DATABASE missing');
    command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('missing'), '-f', "$folder/missing.sql" ], 'restored');
    ok($node->poll_query_until('missing', q(SELECT state = 'failed' AND last_error = '42704: role "role_c" does not exist' FROM dynpgext.workers WHERE name = 'raises')), 'missing: it has failed')
      or diag(worker_row($node, 'missing', 'raises'));
    value($node, 'missing', 'TRUNCATE seen; CREATE ROLE role_c SUPERUSER LOGIN; SELECT * FROM dynpgext.reload()');
    ok($node->poll_query_until('missing', q(SELECT state = 'failed' FROM dynpgext.workers WHERE name = 'raises')), 'a superuser: it has failed');
    is(value($node, 'missing', q(SELECT count(*) FROM seen WHERE who = 'role_c')), 0, 'and has not run');
    value($node, 'missing', 'ALTER ROLE role_c NOSUPERUSER; GRANT EXECUTE ON FUNCTION dynpgext.register TO role_c; SELECT * FROM dynpgext.reload()');
    goes_on('raises', 'role_c', 'a reload finds what it is by then', 'missing');
    value($node, 'postgres', 'DROP DATABASE missing; DROP ROLE role_c');
};

subtest 'renamed' => sub {
    value($node, 'postgres', 'ALTER ROLE role_a RENAME TO renamed; CREATE ROLE role_a LOGIN SUPERUSER');
    goes_on('raises', 'renamed', 'it is the same role');
    is(value($node, 'one', q(SELECT count(*) FROM seen WHERE who = 'role_a' AND what = 'new')), 0, 'a new one of the name has nothing of it');
    is(value($node, 'one', 'SELECT count(*) FROM dynpgext.apply(dynpgext.export())'), 0, 'the export names the new name');
    command_ok([ 'pg_dump', '-f', "$folder/renamed.sql", $node->connstr('one') ], 'pg_dump');
    value($node, 'postgres', 'CREATE DATABASE renamed');
    command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('renamed'), '-f', "$folder/renamed.sql" ], 'restored');
    goes_on('raises', 'renamed', 'a restore knows it by the new name', 'renamed');
    value($node, 'postgres', 'DROP DATABASE renamed; DROP ROLE role_a; ALTER ROLE renamed RENAME TO role_a');
};

subtest 'dropped' => sub {
    like(error_of($node, 'postgres', 'DROP ROLE role_a;'), qr/role "role_a" cannot be dropped because some objects depend on it/, 'DROP ROLE is refused');
    value($node, 'one', 'CREATE ROLE leaves LOGIN; GRANT leaves TO role_a');
    role_a_registers({ name => 'raises', command => $raise }, { name => 'left', command => 'SELECT 1', run_as => 'leaves' });
    goes_on('left', 'leaves', 'as a role that the registering role may become');
    like(error_of($node, 'one', 'DROP ROLE leaves;'), qr/DETAIL:  owner of user mapping for leaves on server dynpgext_workers/, 'which cannot be dropped');
    value($node, 'one', 'REASSIGN OWNED BY leaves TO dba');
    goes_on('left', 'leaves', 'REASSIGN OWNED leaves it');
    value($node, 'one', 'DROP OWNED BY leaves');
    comes_to('left', q(state = 'failed' AND last_error = '42704: role "leaves" has given it up, with DROP OWNED'), 'DROP OWNED takes it away');
    value($node, 'one', 'DROP ROLE leaves; CREATE ROLE leaves LOGIN; GRANT leaves TO role_a; SELECT * FROM dynpgext.reload()');
    comes_to('left', q(state <> 'running' AND run_as IS NULL), 'a new role of the name does not get it');
    role_a_registers({ name => 'raises', command => $raise });
    is(error_of($node, 'one', 'DROP ROLE leaves;'), '', 'a role that nothing runs as any more can be dropped');
};

# Rights are checked at each run, and apply again when they are granted again.
subtest 'revoked rights' => sub {
    value($node, 'one', 'GRANT role_b TO role_a');
    role_a_registers({ name => 'member', command => 'SELECT 1', run_as => 'role_b' });
    goes_on('member', 'role_b', 'it runs');
    my @rights = (
        [ 'REVOKE role_b FROM role_a', 'GRANT role_b TO role_a', 'role "role_a", which registered it, is not a member of role "role_b"' ],
        [ 'ALTER ROLE role_b NOLOGIN', 'ALTER ROLE role_b LOGIN', 'role "role_b" cannot log in' ],
        [ 'REVOKE CONNECT ON DATABASE one FROM PUBLIC', 'GRANT CONNECT ON DATABASE one TO PUBLIC', 'role "role_b" may not connect to this database' ],
        [ 'REVOKE EXECUTE ON FUNCTION dynpgext.register, dynpgext.apply FROM role_a', 'GRANT EXECUTE ON FUNCTION dynpgext.register TO role_a', 'role "role_a", which registered it, may not register any more' ]);
    for my $right (@rights) {
        my ($take, $give, $error) = @$right;
        value($node, 'one', $take);
        comes_to('member', 'last_failed_at = last_run_at AND last_error = ' . quoted("42501: $error"), $take);
        value($node, 'one', $give);
        goes_on('member', 'role_b', $give);
    }
    value($node, 'one', 'ALTER ROLE role_b SUPERUSER');
    comes_to('member', q(state = 'failed' AND last_error = '42704: role "role_b" has become a superuser, which nobody has named as such'), 'one that becomes a superuser');
    value($node, 'one', 'ALTER ROLE role_b NOSUPERUSER');
};

# The script of an extension created by a superuser gets the superuser's name from \@extowner\@.  A dump of
# the schema alone has no identities, and a restore may break off before them.
subtest "no script's command runs as a superuser where other roles can replace its objects" => sub {
    my $refused = q(runs > 1 AND runs = failures AND run_as = 'dba' AND last_error = '42501: role "role_a" can create objects in schema "s", and the command of the script of extension "dx_declared" would run as a superuser');
    value($node, 'postgres', 'CREATE DATABASE source OWNER role_a');
    value($node, 'source', 'SET ROLE dba; CREATE EXTENSION dynpgext; CREATE SCHEMA s AUTHORIZATION role_a');
    my ($code, $out, $said) = $node->psql('source', 'SET ROLE dba; CREATE EXTENSION dx_declared SCHEMA s');
    like($said, qr/WARNING:  the command of SQL worker "dx tick" of extension "dx_declared" does not run as superuser "dba": role "role_a" can create objects in schema "s"\nHINT:  .*"run_as"/, 'the registration reports it');
    comes_to('dx tick', $refused, 'it does not run', 'source');
    value($node, 'source', 'ALTER SCHEMA s OWNER TO dba');
    comes_to('dx tick', q(runs > failures AND last_run_at > last_failed_at), 'it does where only superusers can', 'source');
    value($node, 'source', 'ALTER SCHEMA s OWNER TO role_a');
    comes_to('dx tick', 'last_failed_at >= last_run_at', 'and not any more when that has changed', 'source');
    command_ok([ 'pg_dump', '-s', '-f', "$folder/schema.sql", $node->connstr('source') ], 'pg_dump of the schema');
    value($node, 'postgres', 'CREATE DATABASE target OWNER role_a');
    command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-c', 'SET ROLE dba', '-d', $node->connstr('target'), '-f', "$folder/schema.sql" ], 'restored by a superuser');
    comes_to('dx tick', $refused, 'it does not run there', 'target');
    value($node, 'postgres', 'DROP DATABASE source; DROP DATABASE target');
};

# The role that makes a copy owns its content.
subtest 'in a copy of its database' => sub {
    value($node, 'postgres', 'CREATE DATABASE model_db IS_TEMPLATE true; CREATE ROLE copies LOGIN CREATEDB; CREATE ROLE other_role LOGIN');
    value($node, 'model_db', q{CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain; CREATE FUNCTION public.maintain() RETURNS void LANGUAGE sql AS 'SELECT';
        SELECT dynpgext.register('dx_plain', } . manifest(
            { name => 'as a superuser', command => 'SELECT public.maintain()', run_as => 'dba' },
            { name => 'as another', command => 'SELECT public.maintain()', run_as => 'other_role' },
            { name => 'as its owner', command => 'SELECT public.maintain()', run_as => 'copies' }) . ')');
    comes_to($_, 'runs > 1 AND failures = 0', "$_: it runs in the template", 'model_db') for 'as a superuser', 'as another', 'as its owner';
    value($node, 'postgres', 'SET ROLE copies; CREATE DATABASE own_copy TEMPLATE model_db');
    for my $worker (['as a superuser', 'dba'], ['as another', 'other_role']) {
        comes_to($$worker[0], q(state = 'failed' AND runs = failures AND last_error = ) .
              quoted(qq(42501: role "copies", which has owned this database since, is not a member of role "$$worker[1]")), "$$worker[0]: in a copy of somebody else it does not", 'own_copy');
    }
    comes_to('as its owner', 'runs > 1 AND failures = 0', 'what its owner may become does', 'own_copy');
    value($node, 'postgres', 'CREATE DATABASE copy_of_dba TEMPLATE model_db OWNER dba');
    comes_to($_, 'runs > 1 AND failures = 0', "$_: it runs in a copy of a superuser", 'copy_of_dba') for 'as a superuser', 'as another';
    # nor does it after a dump and restore of the copy
    value($node, 'postgres', 'CREATE DATABASE from_copy; CREATE DATABASE from_dba');
    for my $way ([qw(own_copy from_copy)], [qw(copy_of_dba from_dba)]) {
        my ($from, $to) = @$way;
        command_ok([ 'pg_dump', '-Fc', '-f', "$folder/$from", $node->connstr($from) . ($from eq 'own_copy' ? ' user=copies' : '') ], "pg_dump of $from");
        command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr($to), "$folder/$from" ], 'restored by a superuser');
    }
    comes_to($_, q(state = 'failed' AND run_as IS NULL AND runs = 0), "$_: nor does it in a restored dump of the copy", 'from_copy') for 'as a superuser', 'as another';
    comes_to('as its owner', 'runs > 1 AND failures = 0', 'but what the owner of the copy may become', 'from_copy');
    comes_to($_, 'runs > 1 AND failures = 0', "$_: it runs in one of a superuser's copy", 'from_dba') for 'as a superuser', 'as another';
    value($node, 'postgres', 'DROP DATABASE from_copy; DROP DATABASE from_dba');
    value($node, 'own_copy', q{SELECT dynpgext.register('dx_plain', } . manifest({ name => 'as another', command => 'SELECT public.maintain()', run_as => 'other_role' }) . ')');
    comes_to('as another', 'runs > 0 AND failures = 0', 'a superuser who registers it again decides for the copy', 'own_copy');
    value($node, 'postgres', 'ALTER DATABASE model_db IS_TEMPLATE false; DROP DATABASE model_db; DROP DATABASE own_copy; DROP DATABASE copy_of_dba');
};

# A copy that may not run it does not take it over.
subtest 'a global worker in copies of its database' => sub {
    value($node, 'postgres', 'CREATE ROLE owns_model LOGIN; CREATE DATABASE model_db OWNER owns_model IS_TEMPLATE true');
    value($node, 'model_db', q{CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain; SELECT dynpgext.register('dx_plain', } .
          manifest({ name => 'global', scope => 'global', command => 'SELECT 1', run_as => 'dba' }) . ')');
    my $where = q(SELECT database || CASE WHEN failures > 0 THEN ' ' || last_error ELSE '' END FROM dynpgext.commands WHERE worker = 'global');
    is($node->poll_query_until('model_db', $where, 'model_db'), 1, 'it runs');
    for my $copy ('copy_1', 'copy_2') {
        value($node, 'postgres', "SET ROLE copies; CREATE DATABASE $copy TEMPLATE model_db");
        $node->poll_query_until($copy, 'SELECT count(*) > 0 FROM dynpgext.extensions');
        comes_to('global', q(state = 'running' AND database = 'model_db' AND failures = 0), "it is in none of the copies: $copy", 'model_db');
        goes_on('global', 'dba', 'and goes on', 'model_db');
    }
    value($node, 'postgres', 'DROP DATABASE copy_1; DROP DATABASE copy_2; ALTER DATABASE model_db IS_TEMPLATE false; DROP DATABASE model_db; DROP ROLE owns_model');
};

# The row of a manifest names no roles, and roles granted to a script do not apply to another command.
subtest 'a manifest that is restored without its identities' => sub {
    value($node, 'postgres', 'CREATE DATABASE source OWNER dba');
    value($node, 'source', 'SET ROLE dba; CREATE EXTENSION dynpgext; CREATE SCHEMA s; CREATE EXTENSION dx_declared SCHEMA s');
    comes_to('dx tick', q(runs > 1 AND failures = 0 AND run_as = 'dba'), 'a superuser\'s runs', 'source');
    value($node, 'source', q{SET ROLE dba; INSERT INTO dynpgext.manifests VALUES ('dx_declared', } . manifest({ name => 'dx tick', command => 'SELECT 4711' }) . ')');
    comes_to('dx tick', q(command = 'SELECT 4711' AND run_as IS NULL AND state = 'failed' AND last_error ~ 'it comes from rows of tables, which name no role'), 'another command does not get its role', 'source');
    value($node, 'postgres', 'DROP DATABASE source');
};

subtest 'registrations removed by DROP OWNED are not dumped' => sub {
    value($node, 'postgres', 'CREATE ROLE gone LOGIN; CREATE DATABASE source');
    value($node, 'source', q{CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain; SELECT dynpgext.register('dx_plain', } . manifest({ name => 'taken', command => 'SELECT 1', run_as => 'gone' }) . ')');
    comes_to('taken', 'runs > 1 AND failures = 0', 'it runs', 'source');
    value($node, 'source', 'DROP OWNED BY gone');
    comes_to('taken', q(state = 'failed'), 'it does not any more', 'source');
    value($node, 'source', 'SELECT * FROM dynpgext.reload()');
    is(value($node, 'source', q(SELECT COALESCE(run_as::text, 'nobody') FROM dynpgext.identities WHERE worker = 'taken')), 'nobody', 'no row has its name');
    value($node, 'postgres', 'DROP ROLE gone; CREATE ROLE gone LOGIN; CREATE DATABASE target');
    command_ok([ 'pg_dump', '-Fc', '-f', "$folder/taken.dump", $node->connstr('source') ], 'pg_dump');
    command_ok([ 'pg_restore', '-d', $node->connstr('target'), "$folder/taken.dump" ], 'restored');
    comes_to('taken', q(state = 'failed' AND run_as IS NULL AND runs = 0), 'a new role of the name does not get it', 'target');
    value($node, 'postgres', 'DROP DATABASE source; DROP DATABASE target');
};

subtest 'the owner of a database cannot set dynpgext.restore for it' => sub {
    value($node, 'one', q(LOAD 'dynpgext'; SET ROLE role_a; ALTER DATABASE one SET dynpgext.restore = off));
    is(value($node, 'one', q(LOAD 'dynpgext'; SHOW dynpgext.restore)), 'auto', 'off has no effect');
    is(value($node, 'one', q(SET dynpgext.restore = off; LOAD 'dynpgext'; SHOW dynpgext.restore)), 'off', 'a session decides');
    value($node, 'one', q(LOAD 'dynpgext'; SET ROLE role_a; ALTER DATABASE one SET dynpgext.restore = on));
    is(value($node, 'one', q(LOAD 'dynpgext'; SHOW dynpgext.restore)), 'auto', 'nor has on');
    value($node, 'one', 'ALTER DATABASE one RESET ALL');
};

# The owner may not call end_restore().
subtest 'the owner of a database cannot prolong a restore' => sub {
    value($node, 'postgres', 'CREATE DATABASE kept_up OWNER role_a');
    value($node, 'kept_up', 'CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain');
    my $role = 'host=' . $node->host . ' port=' . $node->port . ' dbname=kept_up user=role_a';
    command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $role, '-c', 'SET dynpgext.restore = on', '-c', 'CREATE EXTENSION hstore; CREATE EXTENSION dx_identity' ], 'a stranger claims to restore');
    comes_to('dx named', q(state = 'running' AND run_as = 'role_a' AND runs > 0), 'with his session it is over', 'kept_up');
    is(value($node, 'kept_up', 'SELECT count(*) FROM dynpgext.restore'), 0, 'there is no restore');
    value($node, 'kept_up', 'SET dynpgext.restore = on; CREATE EXTENSION dx_declared');
    is(value($node, 'kept_up', 'SELECT until_told FROM dynpgext.restore'), 't', 'a superuser\'s lasts until end_restore()');
    value($node, 'postgres', 'DROP DATABASE kept_up');
};

subtest 'a role without LOGIN' => sub {
    value($node, 'one', 'CREATE ROLE silent; GRANT silent TO role_a');
    my $registers = q{SELECT dynpgext.register('hstore', } . manifest({ name => 'silent', command => 'SELECT 1', run_as => 'silent' }) . ')';
    like(error_of($node, 'one', "SET ROLE role_a; $registers"), qr/role "silent" cannot log in: /, 'is nothing that role_a may name');
    if (value($node, 'one', q(SELECT current_setting('server_version_num')::integer < 170000)) eq 't') {
        like(error_of($node, 'one', $registers), qr/role "silent" cannot log in: up to PostgreSQL 16 no command can run as it/, 'nor can a superuser');
    } else {
        value($node, 'one', $registers);
        goes_on('silent', 'silent', 'a superuser may');
    }
};

subtest 'settings of the role are the role\'s' => sub {
    mkdir "$folder/space";
    value($node, 'one', "CREATE TABLESPACE dx_space LOCATION '$folder/space'");
    value($node, 'one', q(ALTER ROLE role_b SET temp_tablespaces = 'dx_space'; ALTER ROLE role_b SET work_mem = '7MB'; GRANT TEMPORARY ON DATABASE one TO role_b));
    my $makes = q(CREATE TEMP TABLE t AS SELECT 1; INSERT INTO public.seen SELECT format('%s %s', current_setting('work_mem'), reltablespace <> 0) FROM pg_class WHERE relname = 't');
    value($node, 'one', 'TRUNCATE public.seen');
    role_a_registers({ name => 'space', command => $makes, run_as => 'role_b' });
    comes_to('space', 'runs > 0 AND failures = 0', 'a tablespace that it may not use is not set');
    is(value($node, 'one', 'SELECT DISTINCT what FROM public.seen'), '7MB f', 'the others hold');
    value($node, 'one', q(GRANT CREATE ON TABLESPACE dx_space TO role_b; TRUNCATE public.seen));
    ok($node->poll_query_until('one', q(SELECT count(*) > 0 FROM public.seen WHERE what = '7MB t')), 'one that it may is');
};

# As pg_restore --jobs does: each half in its own session, and either commits first.
subtest 'the halves of a restore at the same time' => sub {
    my %half = (
        manifests => q{INSERT INTO dynpgext.manifests VALUES ('dx_plain', } . manifest({ name => 'halves', command => 'SELECT 1' }) . ')',
        identities => q(INSERT INTO dynpgext.identities VALUES ('dx_plain', 'halves', 'role_b', 'dba', false, false, true)));
    for my $order ([qw(manifests identities)], [qw(identities manifests)]) {
        my ($first, $second) = @$order;
        value($node, 'postgres', 'CREATE DATABASE halves');
        local $ENV{PGOPTIONS} = '-c dynpgext.restore=on';
        value($node, 'halves', 'CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain');
        my $session = $node->background_psql('halves');
        $session->query_safe("BEGIN; $half{$first}");
        my $out = '';
        my $other = IPC::Run::start([ 'psql', '-Xq', '-d', $node->connstr('halves'), '-c', "/* other half */ $half{$second}" ], '>&', \$out);
        # it has finished, or waits; the end shows which
        $node->poll_query_until('halves', "SELECT EXISTS (SELECT FROM dynpgext.$second)
            OR EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '/* other half */%' AND wait_event_type = 'Lock')");
        $session->query_safe('COMMIT');
        $session->quit;
        IPC::Run::finish($other);
        is($out, '', "$first, then $second");
        value($node, 'halves', 'SELECT dynpgext.end_restore()');
        goes_on('halves', 'role_b', 'the worker has its role', 'halves');
        is(value($node, 'halves', q(SELECT count(*) FROM dynpgext.identities)), 1, 'and one identity');
        value($node, 'postgres', 'DROP DATABASE halves');
    }
};

subtest 'privileges on dynpgext.manifests' => sub {
    value($node, 'one', 'GRANT SELECT, UPDATE ON dynpgext.manifests TO role_a');
    my $of_superuser = { name => 'written', command => q(SELECT 'at first'), run_as => 'dba' };
    value($node, 'one', q{SELECT dynpgext.register('hstore', } . manifest($of_superuser) . ')');
    goes_on('written', 'dba', 'a superuser\'s');
    my $write = q(UPDATE dynpgext.manifests SET manifest = replace(manifest::text, '%s', '%s')::jsonb WHERE extension = 'hstore');
    my $both = 'SELECT m.manifest, c.command, c.run_as FROM dynpgext.manifests m JOIN dynpgext.commands c USING (extension)';
    my $before = value($node, 'one', $both);
    my $named = sprintf $write, q("SELECT ''at first''"), q("SELECT 1", "run_as": "dba");
    like(error_of($node, 'one', "SET ROLE role_a; $named"), qr/must be member of role "dba"/, 'names no role that register() refuses');
    is(value($node, 'one', $both), $before, 'and leaves nothing behind');
    value($node, 'one', 'SET ROLE role_a; ' . sprintf($write, q(SELECT ''at first''), 'ALTER ROLE role_a SUPERUSER'));
    comes_to('written', q(run_as = 'role_a' AND registered_by = 'role_a' AND failures > 0), 'runs its own commands as itself');
    is(value($node, 'one', q(SELECT rolsuper FROM pg_roles WHERE rolname = 'role_a')), 'f', 'not as the role of another command');
    value($node, 'one', 'REVOKE ALL ON dynpgext.manifests FROM role_a');
};

subtest 'an extension\'s script' => sub {
    value($node, 'one', 'DROP EXTENSION hstore; CREATE EXTENSION dx_identity');
    comes_to('dx unnamed', q(state = 'failed' AND run_as IS NULL AND last_error LIKE '42704: it has no role to run as%'), 'a superuser who is not named is not chosen');
    comes_to('dx named', q(state = 'running' AND runs > 0) . ' AND run_as = ' . quoted('postgres'), 'a named one is');
    value($node, 'one', 'DROP EXTENSION dx_identity; ALTER DATABASE one OWNER TO role_a; SET ROLE role_a; CREATE EXTENSION dx_identity');
    goes_on($_, 'role_a', "$_: who owns the extension") for 'dx unnamed', 'dx named';
    command_ok([ 'pg_dump', '-f', "$folder/script.sql", $node->connstr('one') ], 'pg_dump');
    value($node, 'postgres', 'CREATE DATABASE script');
    command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('script'), '-f', "$folder/script.sql" ], 'restored by a superuser');
    goes_on($_, 'role_a', "$_: who it is", 'script') for 'dx unnamed', 'dx named';
    value($node, 'script', 'SELECT * FROM dynpgext.reload(); ALTER EXTENSION dx_identity UPDATE TO \'0.2\'');
    goes_on($_, 'role_a', "$_: an update by a superuser", 'script') for 'dx unnamed', 'dx named';
    is(value($node, 'script', q(SELECT count(*) FROM dynpgext.identities)), 2, 'one identity for each');
    value($node, 'script', 'DROP EXTENSION dx_identity');
    is(value($node, 'script', q(SELECT count(*) FROM dynpgext.identities)), 0, 'which goes with it');
    is(value($node, 'script', q(SELECT count(*) FROM pg_user_mappings)), 0, 'and so does the hold on its role');
    value($node, 'postgres', 'DROP DATABASE script');
    like(error_of($node, 'one', q(SET ROLE role_a; INSERT INTO dynpgext.identities VALUES ('dx_identity', 'dx named', 'dba', 'dba', true, true, false);)), qr/permission denied/, 'no other one is written');
    value($node, 'one', 'DROP EXTENSION dx_identity');
    is(error_of($node, 'one', 'DROP EXTENSION dynpgext CASCADE;'), '', 'DROP EXTENSION dynpgext takes the holds along');
    is(value($node, 'one', q(SELECT count(*) FROM pg_user_mappings)), 0, 'all of them');
};

# In the script of an update, PostgreSQL replaces @extowner@ by the role that runs it.
subtest 'an update by others than the owner' => sub {
    my $superuser = 'postgres';
    my $identities = q(SELECT string_agg(format('%s %s %s%s', worker, COALESCE(run_as::text, 'nobody'), registered_by, CASE WHEN superuser THEN ' superuser' END), ', ' ORDER BY worker) FROM dynpgext.identities);
    my $all = sub { return "dx named $_[0], dx new $_[1], dx unnamed $_[2]" };
    value($node, 'one', q(CREATE EXTENSION dynpgext; CREATE ROLE member LOGIN; GRANT role_a TO member; CREATE ROLE dba_member LOGIN; GRANT dba TO dba_member;
        GRANT CREATE ON DATABASE one TO member, dba_member));
    my $by_function = q(CREATE FUNCTION public.update_it() RETURNS void SECURITY DEFINER LANGUAGE plpgsql AS $$BEGIN EXECUTE 'ALTER EXTENSION dx_identity UPDATE TO ''0.3'''; END$$);
    my @updates = (
        [ 'a superuser', q(ALTER EXTENSION dx_identity UPDATE TO '0.3') ],
        [ 'another superuser', q(SET ROLE dba; ALTER EXTENSION dx_identity UPDATE TO '0.3') ],
        [ 'a member of the owner, to whom the server lends a superuser\'s rights', q(SET ROLE member; ALTER EXTENSION dx_identity UPDATE TO '0.3') ],
        [ 'the owner, by a function of a superuser\'s', "$by_function; SET ROLE role_a; SELECT public.update_it(); RESET ROLE; DROP FUNCTION public.update_it()" ],
        [ 'the owner', q(SET ROLE role_a; ALTER EXTENSION dx_identity UPDATE TO '0.3') ]);
    for my $update (@updates) {
        my ($who, $how) = @$update;
        value($node, 'one', q(SET ROLE role_a; CREATE EXTENSION dx_identity VERSION '0.2'));
        is(error_of($node, 'one', "$how;"), '', "$who may update it");
        goes_on($_, 'role_a', "$_: goes on as the owner") for 'dx unnamed', 'dx named', 'dx new';
        is(value($node, 'one', $identities), $all->(('role_a role_a') x 3), 'by the owner\'s rights');
        value($node, 'one', 'DROP EXTENSION dx_identity');
    }
    value($node, 'one', q(SET ROLE role_a; CREATE EXTENSION dx_identity VERSION '0.2'));
    # existing commands keep their roles, even if the extension gets another owner
    value($node, 'one', q(UPDATE pg_extension SET extowner = 'role_b'::regrole WHERE extname = 'dx_identity'; ALTER EXTENSION dx_identity UPDATE TO '0.3'));
    is(value($node, 'one', $identities), $all->('role_a role_a', 'role_b role_b', 'role_a role_a'), 'a new owner gets new commands');
    value($node, 'one', 'DROP EXTENSION dx_identity');
    # the owner is a superuser: another role cannot name a superuser with @extowner@
    value($node, 'one', q(SET ROLE dba; CREATE EXTENSION dx_identity VERSION '0.2'));
    value($node, 'one', q(SET ROLE dba_member; ALTER EXTENSION dx_identity UPDATE TO '0.3'));
    is(value($node, 'one', $identities), $all->('dba dba superuser', 'nobody dba', 'nobody dba'), 'a member of a superuser does not name the superuser');
    value($node, 'one', q(DROP EXTENSION dx_identity; SET ROLE dba; CREATE EXTENSION dx_identity VERSION '0.2'; RESET ROLE; ALTER EXTENSION dx_identity UPDATE TO '0.3'));
    is(value($node, 'one', $identities), $all->('dba dba superuser', 'dba dba superuser', 'nobody dba'), 'another superuser does');
    isnt($superuser, 'dba', 'a role that is not the owner');
    value($node, 'one', 'DROP EXTENSION dx_identity; REVOKE CREATE ON DATABASE one FROM member, dba_member; DROP ROLE member, dba_member');
};

$node->stop;
done_testing();
