# The library in use is kept in the data directory, so that later processes find it after another one has been
# installed.
use strict;
use warnings FATAL => 'all';

use File::Compare;
use File::Copy;
use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($install, $libraries) = private_install();
my $file = "$libraries/dynpgext.so";
my $original = "$libraries/original.so";
copy($file, $original) or die $!;

# Replaces the file as a package does; with additional bytes at its end it is a different one.
sub replace {
    my ($extra) = @_;
    copy($original, "$file.new") or die $!;
    append_to_file("$file.new", $extra);
    chmod 0755, "$file.new";
    rename "$file.new", $file or die $!;
    return;
}

replace('');
my $node = new_cluster('main', install_path => $install);
my $folder = $node->data_dir . '/pg_stat_tmp';
sub kept { my @found = glob "$folder/dynpgext-layout*"; return @found }
sub launcher { return value($node, 'one', 'SELECT launcher_pid FROM dynpgext.status') }
sub end_launcher {
    my $before = launcher();
    kill 'TERM', $before;
    ok($node->poll_query_until('one', "SELECT launcher_pid <> $before FROM dynpgext.status"), 'another launcher');
    return;
}

is_deeply([ kept() ], [], 'nothing is kept if dynpgext is not used');
append_to_file("$folder/dynpgext-layout1.so", 'of an earlier start');
add_database($node, 'one', qw(dynpgext dx_worker));
is_whole($node, 'all is well', 'one');
ok((wait_until { my @kept = kept(); @kept == 1 && compare($kept[0], $original) == 0 }), 'the library is kept, and no other');
my ($copy) = kept();
my $inode = (stat $copy)[1];

end_launcher();
is((stat $copy)[1], $inode, 'it is not copied again');
# not the library that has made the memory
replace('another');
unlink $copy;
my $session = $node->background_psql('one');
is($session->query('SELECT dynpgext.version() IS NOT NULL'), 't', 'a session with the new file');
end_launcher();
ok((wait_until { kept() == 1 && compare($copy, $file) == 0 }), 'a launcher keeps the file that it runs');
$session->quit;
value($node, 'one', 'SELECT dynpgext.reload()');    # its workers run the old one
is_whole($node, 'all is well', 'one');
$node->stop;

set_preload($node, 1);
unlink $copy;
$node->start;
wait_whole($node, 'one');
is_deeply([ kept() ], [], 'with preload, processes have it from the postmaster');
unlike(slurp_file($node->logfile), qr/while keeping the library/, 'nothing went wrong');
done_testing();
