# docs/monitoring.md with the real programs: each of the ten states raises its alert, through
# postgres exporter, Prometheus and Alertmanager, within 30 s, and its end clears the alert.  The
# programs must be on the PATH.
use strict;
use warnings FATAL => 'all';

use File::Copy;
use FindBin;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use lib "$FindBin::RealBin/../../t/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my ($install, $libraries) = private_install();
my $node = new_cluster('main', install_path => $install,
    'dynpgext.crash_limit' => 1,
    'dynpgext.restart_delay_max' => '50ms',
    'dx_supervised.workers' => 3,
    'dx_supervised.restart' => 'never,always,never',
    'dx_supervised.delay' => 10,
    'dx_supervised.deadline' => '0,0,500');
add_database($node, 'app', qw(dynpgext dx_supervised dx_memory));
value($node, 'app', 'CREATE ROLE monitor LOGIN IN ROLE pg_monitor');
is_whole($node, 'all is well before', 'app');

# The page's code blocks, as files.
my $folder = PostgreSQL::Test::Utils::tempdir('exporters');
my ($queries, $rules) = map {
    my $begin = $_;
    (grep {/^$begin/} slurp_file("$FindBin::RealBin/../../docs/monitoring.md") =~ /^```yaml\n(.*?)^```$/msg)[0]
} qw(dynpgext_problem: groups:);
append_to_file("$folder/queries.yml", $queries);
append_to_file("$folder/rules.yml", $rules);
my %port = map { $_ => PostgreSQL::Test::Cluster::get_free_port() } qw(exporter prometheus alertmanager);
append_to_file("$folder/prometheus.yml", <<"YAML");
global: {scrape_interval: 5s, evaluation_interval: 5s}
rule_files: [$folder/rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:$port{alertmanager}']}]}]}
scrape_configs: [{job_name: postgres, static_configs: [{targets: ['127.0.0.1:$port{exporter}']}]}]
YAML
append_to_file("$folder/alertmanager.yml", "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n");

my @running;
sub run_program {
    my ($name, @arguments) = @_;
    my $log = "$folder/$name.log";
    push @running, IPC::Run::start([ $name, @arguments ], '<', \undef, '>', $log, '2>&1');
    return;
}
END { local $? = $?; $_->kill_kill(grace => 5) for @running }
{
    local $ENV{DATA_SOURCE_NAME} = sprintf "host=%s port=%d user=monitor dbname=app sslmode=disable", $node->host, $node->port;
    run_program('prometheus-postgres-exporter', "--web.listen-address=127.0.0.1:$port{exporter}", "--extend.query-path=$folder/queries.yml", '--disable-default-metrics');
}
run_program('prometheus-alertmanager', "--config.file=$folder/alertmanager.yml", "--storage.path=$folder/am",
    "--web.listen-address=127.0.0.1:$port{alertmanager}", '--cluster.listen-address=');
run_program('prometheus', "--config.file=$folder/prometheus.yml", "--storage.tsdb.path=$folder/tsdb", "--web.listen-address=127.0.0.1:$port{prometheus}");

# The names of all alerts active in Alertmanager; undef: it does not answer.
sub alerts {
    my $answer = HTTP::Tiny->new(timeout => 5)->get("http://127.0.0.1:$port{alertmanager}/api/v2/alerts?active=true");
    return unless $answer->{success};
    my %names = map { $_->{labels}{alertname} => 1 } @{ decode_json($answer->{content}) };
    return join ' ', sort keys %names;
}

sub alerts_become {
    my ($expected, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $begin = time;
    my $well = wait_until { (alerts() // '?') eq $expected };
    my $took = time - $begin;
    is($well ? $expected : alerts(), $expected, sprintf '%s, after %.0f s', $test, $took);
    return $took;
}

# One state: begins, raises its alert within 30 s of health(), ends, is cleared.
sub state_raises {
    my ($word, $alert, $begin, $end) = @_;
    return subtest $alert => sub {
        $begin->();
        becomes($node, 'app', "SELECT bool_or(problem LIKE '$word:%') FROM dynpgext.health()", 't', 'health() has it');
        cmp_ok(alerts_become($alert, 'the alert comes'), '<=', 30, 'within 30 s');
        $end->();
        becomes($node, 'app', 'SELECT count(*) FROM dynpgext.health()', 0, 'all is well');
        cmp_ok(alerts_become('', 'the alert ends'), '<=', 30, 'within 30 s');
    };
}
alerts_become('', 'the programs run');
my $restart = sub { my ($n) = @_; value($node, 'app', "SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised $n')") };

state_raises('failed', 'DynpgextFailed', sub { tell($node, 'app', 1, 'error') }, sub { $restart->(1) });
state_raises('unresponsive', 'DynpgextUnresponsive', sub { tell($node, 'app', 3, 'silent') }, sub { tell($node, 'app', 3, 'wait') });
state_raises('backoff', 'DynpgextBackoff',
    sub { configure($node, 'app', 'dx_supervised.fail' => 'dx supervised 2'); $restart->(2) },
    sub { configure($node, 'app', 'dx_supervised.fail' => '') });
state_raises('waiting', 'DynpgextWaitingForSlot',
    sub { configure($node, 'app', 'dynpgext.max_workers' => 3); value($node, 'app', 'CREATE EXTENSION dx_usage') },
    sub { configure($node, 'app', 'dynpgext.max_workers' => -1) });
my $session;
state_raises('draining', 'DynpgextDraining',
    sub {
        $session = $node->background_psql('app');
        $session->query_safe(q(SELECT dx_read('dx_memory:going')));
        value($node, 'app', q(ALTER EXTENSION dx_memory UPDATE TO '0.2'));
    },
    sub { $session->quit });
state_raises('stale', 'DynpgextStale',
    sub { replace_library("$libraries/dx_supervised.so") },
    sub { value($node, 'app', 'SELECT * FROM dynpgext.reload()') });
state_raises('memory', 'DynpgextMemoryNearLimit',
    sub { configure($node, 'app', 'dynpgext.memory_limit' => int(memory_used($node, 'app') / 1024 * 1.05) . 'kB') },
    sub { configure($node, 'app', 'dynpgext.memory_limit' => -1) });
state_raises('quarantined', 'DynpgextQuarantined',
    sub { crash($node, sub { tell_to_crash($node, 'app', 2, 'segv') }) },
    sub { value($node, 'app', q(SELECT dynpgext.release('dx_supervised'))) });
value($node, 'app', 'CREATE EXTENSION dx_who');
append_to_file($node->data_dir . '/dx_who.wait', '');
state_raises('provisioning', 'DynpgextProvisioningStuck', sub { $node->restart; value($node, 'app', 'SELECT * FROM dynpgext.status') },
    sub { unlink $node->data_dir . '/dx_who.wait' });
# The exporter's own queries would start a launcher, so there must be no slots for it.
state_raises('launcher', 'DynpgextLauncherGone',
    sub { $node->append_conf('postgresql.conf', 'max_worker_processes = 0'); $node->restart },
    sub { $node->append_conf('postgresql.conf', 'max_worker_processes = 32'); $node->restart; value($node, 'app', 'SELECT * FROM dynpgext.status') });

done_testing();
