# Files with fixed names: each instance of a hosted library has its own, so sessions of one never read or
# change the texts of another.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main', 'pg_stat_statements.track_utility' => 'on');
my $host = q(SELECT dynpgext.host('pg_stat_statements', scope => '%s'));

sub files {
    my ($folder) = @_;
    return join ' ', sort grep {/stat/} map { s{.*/}{}r } glob $node->data_dir . "/$folder/*";
}

sub keepers {
    my %all = processes($node);
    return map { @{ $all{$_} } } grep {/^dynpgext keeper of pg_stat_statements/} keys %all;
}

# Statements that are kept as they are, of lengths that differ from session to session.
my $length = 0;
sub statements {
    my ($name, $count) = @_;
    $length += 3;
    return join '', map { sprintf "LISTEN %s_%03d /* %s */;\n", $name, $_, 'x' x $length } 1 .. $count;
}

# The names in the texts that a session or a database sees, each with its number of statements.
my $seen = <<'SQL';
SELECT string_agg(name || ' ' || count, ', ' ORDER BY name) FROM (
  SELECT coalesce(substring(query FROM '^LISTEN (\w+)_\d\d\d /\* x+ \*/;?$'), 'UNKNOWN: ' || query) AS name, count(*)
    FROM pg_stat_statements WHERE query LIKE '%LISTEN%' AND query NOT LIKE '%regexp%' AND query NOT LIKE '%substring%' GROUP BY 1) AS s
SQL
my $texts = q(SELECT count(*) FILTER (WHERE query IS NULL OR query = '') FROM pg_stat_statements);

subtest 'an instance for each database' => sub {
    my @databases = qw(one two);
    for my $database (@databases) {
        add_database($node, $database, 'dynpgext');
        is($node->safe_psql($database, sprintf($host, 'database') . '; CREATE EXTENSION pg_stat_statements'), 'hosted', "$database: hosted");
    }
    my %sessions = map { $_ => $node->background_psql($_) } @databases;
    for my $round (1 .. 3) {
        $sessions{$_}->query(statements("$_$round", 50)) for @databases;
    }
    for my $database (@databases) {
        my $expected = join ', ', map {"$database$_ 50"} 1 .. 3;
        is($sessions{$database}->query($seen), $expected, "$database: a session sees its own texts");
        is($node->safe_psql($database, $seen), $expected, "$database: so does another one");
        is($node->safe_psql($database, $texts), '0', "$database: none is missing");
        $sessions{$database}->quit;
    }
    is(files('pg_stat_tmp'), 'dynpgext.1.pgss_query_texts.stat dynpgext.2.pgss_query_texts.stat', 'a file for each');
    my @oids = map { value($node, $_, 'SELECT oid FROM pg_database WHERE datname = current_database()') } @databases;
    my $calls = q(SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE 'LISTEN %');
    $node->stop;
    is(files('pg_stat'), join(' ', sort('pgstat.stat', map {"dynpgext.$_.pg_stat_statements.pg_stat_statements.stat"} @oids)), 'saved at the shutdown');
    is(files('pg_stat_tmp'), '', 'without the texts of sessions');
    $node->start;
    is(value($node, $_, $calls), '150', "$_: the statistics are kept") for @databases;
    is($node->safe_psql('one', q(SELECT dynpgext.rehost('pg_stat_statements'))), 'hosted', 'hosted again in one of them');
    is(value($node, $_, $calls), '150', "$_: the statistics are kept") for @databases;
    is(value($node, 'one', q(SELECT dynpgext.unhost('pg_stat_statements'))), 't', 'unhosted in one');
    is(value($node, 'postgres', 'DROP DATABASE two'), '', 'and the other is dropped');
    ok(wait_until { files('pg_stat_tmp') eq '' }, 'their files are gone');
    is(files('pg_stat'), '', 'also those that a restart would read');
};

subtest 'an older session beside a new instance' => sub {
    add_database($node, 'postgres', 'dynpgext');
    $node->safe_psql('postgres', sprintf($host, 'global') . '; CREATE EXTENSION pg_stat_statements');
    for my $again ([q(SELECT dynpgext.rehost('pg_stat_statements'))],
        [ q(SELECT dynpgext.unhost('pg_stat_statements')), sprintf($host, 'global') ]) {
        value($node, 'postgres', 'SELECT pg_stat_statements_reset()');
        my $old = $node->background_psql('postgres');
        $old->query(statements('before', 20));
        my $before = files('pg_stat_tmp');
        value($node, 'postgres', $_) for @$again;
        value($node, 'postgres', 'SELECT pg_stat_statements_reset()');
        my $new = $node->background_psql('postgres');
        for my $round (1 .. 3) {
            $new->query(statements("new$round", 50));
            $old->query(statements("old$round", 50));
        }
        my $of_new = 'new1 50, new2 50, new3 50';
        is($new->query($seen), $of_new, 'a new session sees the texts of new sessions');
        is(value($node, 'postgres', $seen), $of_new, 'so do others');
        like($old->query($seen), qr/^before 20, old1 50, old2 50, old3 50$/, 'the old one its own');
        is(value($node, 'postgres', $texts), '0', 'no text is missing');
        isnt(files('pg_stat_tmp'), $before, 'there are two files');
        $old->quit;
        ok(wait_until { files('pg_stat_tmp') =~ /^dynpgext\.\d+\.pgss_query_texts\.stat$/ }, 'that of the old one goes with it');
        $new->quit;
        is(value($node, 'postgres', $seen), $of_new, 'the other stays');
    }
};

subtest 'a replacement that is rolled back' => sub {
    my $old = $node->background_psql('postgres');
    $old->query('SELECT pg_stat_statements_reset()');
    $old->query(statements('before', 20));
    my $replacing = $node->background_psql('postgres');
    $replacing->query(q(BEGIN; SELECT dynpgext.rehost('pg_stat_statements')));
    my ($keeper) = keepers();
    $replacing->query('ROLLBACK');
    $replacing->quit;
    $old->query(statements('after', 20));
    is($old->query($seen), 'after 20, before 20', 'the texts are unchanged');
    is(value($node, 'postgres', $seen), 'after 20, before 20', 'for every session');
    $old->quit;
    ok(wait_until { my @now = keepers(); @now == 1 && $now[0] != $keeper }, 'the keeper is there again');
    my $calls = q(SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE 'LISTEN %');
    $node->restart;
    is(value($node, 'postgres', $calls), '40', 'and kept over a restart');
};

subtest 'a crash' => sub {
    value($node, 'postgres', statements('crash', 20));
    my ($left) = files('pg_stat_tmp');
    append_to_file($node->data_dir . '/pg_stat_tmp/dynpgext.77.left.stat', 'left');
    $node->stop('immediate');
    is(files('pg_stat_tmp'), "$left dynpgext.77.left.stat", 'files are left');
    $node->start;
    is(value($node, 'postgres', $texts), '0', 'the next run has its own');
    is(files('pg_stat_tmp'), 'dynpgext.1.pgss_query_texts.stat', 'and removes the others');
};

is(value($node, 'postgres', q(SELECT dynpgext.unhost('pg_stat_statements'))), 't', 'unhosted');
ok(wait_until { files('pg_stat_tmp') eq '' }, 'the files are gone');
is(files('pg_stat'), 'pg_stat_statements.stat', 'except the statistics under the name that a preloaded library reads');
is(log_count($node, qr/PANIC|terminated by signal|could not (read|write|open|rename) file/, 0), 0, 'nothing has failed');
$node->stop;
done_testing();
