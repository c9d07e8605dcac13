# docs/monitoring.md: its configuration of the sql exporter, with the program itself, which must be on the
# PATH.
use strict;
use warnings FATAL => 'all';

use FindBin;
use HTTP::Tiny;
use IPC::Run;
use lib "$FindBin::RealBin/../../t/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $program = 'prometheus-sql-exporter';
plan skip_all => "$program is not installed" unless grep { -x "$_/$program" } split /:/, $ENV{PATH};

my $node = new_cluster('main');
add_database($node, 'app', 'dynpgext');
value($node, 'app', 'CREATE ROLE monitor LOGIN IN ROLE pg_monitor');

my $folder = PostgreSQL::Test::Utils::tempdir('sql_exporter');
my ($page) = grep {/^jobs:/} slurp_file("$FindBin::RealBin/../../docs/monitoring.md") =~ /^```yaml\n(.*?)^```$/msg;
my $connection = sprintf 'postgres://monitor@:%d/app?sslmode=disable&host=%s', $node->port, $node->host;
$page =~ s/'postgres:[^']*'/'$connection'/ or die 'no connection';
$page =~ s/'10s'/'1s'/ or die 'no interval';
append_to_file("$folder/config.yml", $page);
my $address = '127.0.0.1:' . PostgreSQL::Test::Cluster::get_free_port();
my $exporter = IPC::Run::start([ $program, "-config.file=$folder/config.yml", "-web.listen-address=$address" ], '<', \undef, '>', "$folder/log", '2>&1');
END { local $? = $?; $exporter->kill_kill(grace => 5) if $exporter }

sub metrics { return HTTP::Tiny->new(timeout => 5)->get("http://$address/metrics")->{content} }

ok((wait_until { metrics() =~ /^sql_exporter_last_scrape_failed\{.*\} 0$/m }), 'the query works') or diag(slurp_file("$folder/log"));
unlike(metrics(), qr/^sql_dynpgext_problem\{.*problem="\w/m, 'there is no problem');
configure($node, 'app', 'dynpgext.safe_mode' => 'on');
ok((wait_until { metrics() =~ /^sql_dynpgext_problem\{col="count",.*problem="safe mode",severity="warning".*\} 1$/m }), 'a problem is exported');
configure($node, 'app', 'dynpgext.safe_mode' => 'off');
ok((wait_until { metrics() !~ /^sql_dynpgext_problem\{.*problem="\w/m }), 'and its end');

$node->stop;
done_testing();
