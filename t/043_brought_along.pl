# CREATE EXTENSION x CASCADE that also creates dynpgext: x has the same effect as with an existing dynpgext,
# even within the transaction that creates it.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');
my $both = q(SELECT dx_brings_value('dx_brings:memory'), dx_brings_value('dx_brings_more:memory'));
my $states = q(SELECT string_agg(extension || ' ' || state, ', ' ORDER BY extension) FROM dynpgext.extensions);
my $count = 0;

sub fresh {
    my $name = 'db' . ++$count;
    value($node, 'postgres', "CREATE DATABASE $name");
    return $name;
}

# The results of the commands, in one session of their own database.
sub is_seen {
    my ($commands, $expected, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $database = fresh();
    is(value($node, $database, $commands), $expected, $test);
    return $database;
}

for my $preload (0, 1) {
    if ($preload) {
        set_preload($node, 1);
        $node->restart;
    }
    my $how = $preload ? ', preloaded' : '';

    subtest "in the same transaction$how" => sub {
        my $database = is_seen("BEGIN; CREATE EXTENSION dx_brings CASCADE; SELECT dx_brings_value('dx_brings:memory'); $states; ROLLBACK",
            "dx_brings\ndx_brings pending", 'its memory is there');
        is(value($node, $database, "SELECT count(*) FROM pg_extension WHERE extname LIKE 'd%'"), 0, 'a rollback undoes everything');
        becomes($node, 'postgres', 'SELECT 1', 1, 'the server is well');
        is(value($node, $database, "CREATE EXTENSION dx_brings CASCADE; SELECT dx_brings_value('dx_brings:memory')"), 'dx_brings',
            'and without one it is there at once');
        is(value($node, $database, 'SELECT count(*) FROM dynpgext.reload()'), 0, 'nothing is left to do');
    };

    subtest "by way of another extension$how" => sub {
        my $database = is_seen("BEGIN; CREATE EXTENSION dx_brings_more CASCADE; $both; $states; COMMIT; $both",
            "dx_brings|dx_brings_more\ndx_brings pending, dx_brings_more pending\ndx_brings|dx_brings_more",
            'the memory of both is there');
        is(value($node, $database, $both), 'dx_brings|dx_brings_more', 'and for others after the commit');
        is(value($node, $database, 'SELECT count(*) FROM dynpgext.reload()'), 0, 'nothing is left to do');
    };
}

subtest 'in a savepoint' => sub {
    is_seen("BEGIN; SAVEPOINT a; CREATE EXTENSION dx_brings CASCADE; SELECT dx_brings_value('dx_brings:memory'); ROLLBACK TO a;
        CREATE EXTENSION dx_brings CASCADE; RELEASE a; SELECT dx_brings_value('dx_brings:memory'); COMMIT;
        SELECT dx_brings_value('dx_brings:memory')", "dx_brings\ndx_brings\ndx_brings", 'rolled back and done again');
};

subtest 'in a DO block' => sub {
    my $do = q(DO $$ BEGIN CREATE EXTENSION dx_brings_more CASCADE; PERFORM 1 / zero FROM (SELECT length('') AS zero) z; EXCEPTION WHEN division_by_zero THEN NULL; END $$;);
    is_seen("BEGIN; $do SELECT count(*) FROM pg_extension WHERE extname LIKE 'dx%'; CREATE EXTENSION dx_brings_more CASCADE; $both; COMMIT",
        "0\ndx_brings|dx_brings_more", 'with an exception handler that catches it');
    is_seen(q(DO $$ BEGIN CREATE EXTENSION dx_brings CASCADE; IF dx_brings_value('dx_brings:memory') IS DISTINCT FROM 'dx_brings' THEN
        RAISE 'no memory'; END IF; END $$; SELECT dx_brings_value('dx_brings:memory')), 'dx_brings', 'that looks up itself');
};

subtest 'an init that raises fails the command' => sub {
    my $database = fresh();
    for my $extension (qw(dx_brings dx_brings_more)) {
        like(error_of($node, $database, "SET dx_brings.raise = '$extension'; CREATE EXTENSION dx_brings_more CASCADE"),
            qr/ERROR:  P0001: dx_brings raises/, "that of $extension");
        is(value($node, $database, 'SELECT count(*) FROM pg_extension'), 1, 'nothing is installed');
    }
    # anything left behind in the session does no harm
    is(value($node, $database, qq(SET dx_brings.raise = 'dx_brings';
        DO \$\$ BEGIN CREATE EXTENSION dx_brings CASCADE; EXCEPTION WHEN raise_exception THEN NULL; END \$\$;
        RESET dx_brings.raise; CREATE EXTENSION dx_brings_more CASCADE; $both)), 'dx_brings|dx_brings_more', 'and the next one succeeds');
};

# A user's own event triggers get the same commands as without dynpgext.
my $log = q(
    CREATE TABLE public.log (tag text, identity text);
    CREATE FUNCTION public.write_log() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.log SELECT command_tag, object_identity FROM pg_event_trigger_ddl_commands() WHERE NOT in_extension; END $$;
    CREATE EVENT TRIGGER write_log ON ddl_command_end EXECUTE FUNCTION public.write_log();
);
my $see = q(CREATE TABLE other (); SELECT string_agg(tag || ' ' || identity, ', ' ORDER BY ctid) FROM public.log);

subtest 'beside other event triggers' => sub {
    is_seen("$log BEGIN; CREATE EXTENSION dx_brings CASCADE; SELECT dx_brings_value('dx_brings:memory'); COMMIT; $see",
        "dx_brings\nCREATE EXTENSION dx_brings, CREATE TABLE public.other", 'that were there before');
    is_seen("CREATE EXTENSION dx_brings CASCADE; $log $see", 'CREATE TABLE public.other', 'that come later');
    is_seen("BEGIN; CREATE EXTENSION dx_brings CASCADE; $log $see; COMMIT", 'CREATE TABLE public.other', 'in the same transaction');
    is_seen("$log ALTER EVENT TRIGGER write_log DISABLE; CREATE EXTENSION dx_brings CASCADE; SELECT dx_brings_value('dx_brings:memory');
        ALTER EVENT TRIGGER write_log ENABLE; $see", "dx_brings\nCREATE TABLE public.other", 'that are disabled');
};

$node->stop;
done_testing();
