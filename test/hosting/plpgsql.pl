# plpgsql_check and plprofiler, which examine the same functions.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../../t/lib", $FindBin::RealBin;
use DynpgextTest;
use HostedPackages;
use Test::More;

needs(qw(plpgsql_check plprofiler));
my $node = older_cluster('main', ['app']);

subtest 'plpgsql_check' => sub {
    hosts($node, 'app', 'plpgsql_check');
    value($node, 'app', q(
        CREATE EXTENSION plpgsql_check;
        CREATE TABLE checked (id integer);
        CREATE FUNCTION wrong(try boolean) RETURNS integer LANGUAGE plpgsql AS $$
            BEGIN
                IF try THEN RETURN missing FROM checked; END IF;
                RETURN 1;
            END $$;
        CREATE FUNCTION sound(try boolean) RETURNS integer LANGUAGE plpgsql AS $$
            BEGIN
                IF try THEN RETURN id FROM checked; END IF;
                RETURN 2;
            END $$));
    is(value($node, 'app', 'SELECT wrong(false)'), 1, 'a wrong function, with nothing wrong on its way');
    my $passive = "SET plpgsql_check.mode = 'every_start'; SET plpgsql_check.fatal_errors = on;";
    like(error_of($node, 'app', "$passive SELECT wrong(false)"), qr/column "missing" does not exist/s, 'passive mode finds the error');
    is(value($node, 'app', "$passive SELECT sound(false)"), 2, 'and none where none is');
    like(value($node, 'app', q(SELECT plpgsql_check_function('wrong(boolean)'))), qr/^error:42703:3:RETURN/, 'a check by its function');
    is(value($node, 'app', q(
        SET plpgsql_check.profiler = on;
        SELECT sound(false) FROM generate_series(1, 3);
        SELECT exec_stmts FROM plpgsql_profiler_function_tb('sound(boolean)') WHERE source ~ 'RETURN 2')), "2\n2\n2\n3",
        'its profiler, with memory that sessions share');
    is(value($node, 'app', q(SELECT exec_stmts FROM plpgsql_profiler_function_tb('sound(boolean)') WHERE source ~ 'RETURN 2')), 3,
        'and another session reads');
    value($node, 'app', 'DROP EXTENSION plpgsql_check');
    unhosts($node, 'app', 'plpgsql_check');
};

subtest 'plprofiler' => sub {
    hosts($node, 'app', 'plprofiler');
    value($node, 'app', 'CREATE EXTENSION plprofiler; SELECT pl_profiler_set_enabled_global(true)');
    value($node, 'app', 'SELECT sound(false) FROM generate_series(1, 5); SELECT pl_profiler_collect_data()');
    value($node, 'app', 'SELECT pl_profiler_set_enabled_global(false)');
    is(value($node, 'app', q(SELECT exec_count FROM pl_profiler_linestats_shared() WHERE func_oid = 'sound'::regproc AND line_number = 0)), 5,
        'calls by another session are counted');
    value($node, 'app', 'DROP EXTENSION plprofiler');
    unhosts($node, 'app', 'plprofiler');
};

has_gone_on($node);
$node->stop;
done_testing();
