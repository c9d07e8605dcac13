# pg_cron in three databases at once, each with its own launcher, jobs and settings.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../../t/lib", $FindBin::RealBin;
use DynpgextTest;
use HostedPackages;
use Test::More;

needs('pg_cron');
my @databases = qw(one two three);
my $node = older_cluster('main', \@databases);
my $launchers = q(SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher');

for my $database (@databases) {
    hosts($node, $database, 'pg_cron',
        qq('database', '{"cron.database_name": "$database", "cron.use_background_workers": "on", "cron.max_running_jobs": "2"}'));
    value($node, $database, qq(
        CREATE EXTENSION pg_cron;
        CREATE TABLE ran (place text, kind text);
        SELECT cron.schedule('$database', '* * * * *',
            'INSERT INTO ran SELECT current_database(), backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid()')));
    workers_run($node, $database, 'pg_cron', 1);
    is(value($node, $database, 'SHOW cron.database_name'), $database, "$database: its own settings");
}
is(value($node, 'postgres', $launchers), 'one,three,two', 'a launcher in each database');

# jobs run at the full minute
{
    local $PostgreSQL::Test::Utils::timeout_default = 180;
    ok((wait_until { !grep { value($node, $_, 'SELECT count(*) FROM ran') == 0 } @databases }), 'the jobs of all run');
}
for my $database (@databases) {
    is(value($node, $database, 'SELECT DISTINCT place, kind FROM ran'), "$database|pg_cron", "$database: there, in background workers");
    becomes($node, $database, 'SELECT DISTINCT jobname, status FROM cron.job_run_details JOIN cron.job USING (jobid) WHERE end_time IS NOT NULL',
        "$database|succeeded", "$database: with its record");
}

value($node, 'postgres', 'DROP DATABASE three');
is(value($node, 'postgres', $launchers), 'one,two', 'one database is dropped, and the others go on');
unhosts($node, 'one', 'pg_cron');
becomes($node, 'postgres', $launchers, 'two', 'another is unhosted');
workers_run($node, 'two', 'pg_cron', 1);

has_gone_on($node);
$node->stop;
done_testing();
