# dynpgext.preload(), to add and to remove: next to other libraries, wherever the list is set.
use strict;
use warnings FATAL => 'all';

use File::Copy;
use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('main');
add_database($node, 'one', qw(dynpgext dx_worker));
is_whole($node, 'all is well', 'one');

my $main = slurp_file($node->data_dir . '/postgresql.conf');
my $auto = slurp_file($node->data_dir . '/postgresql.auto.conf');

# Libraries with odd names: copies of one that logs when it is loaded.
my $folder = PostgreSQL::Test::Utils::tempdir('libraries');
my ($pkglibdir) = `pg_config --pkglibdir` =~ /^(.*)$/m;
my @odd = map {"$folder/$_"} 'Mixed Case.so', 'with,comma.so', 'with"quote.so', q(with'apostrophe.so), 'UPPER.so';
copy("$pkglibdir/dx_plain.so", $_) or die $! for @odd;
sub quoted { return join ', ', map { '"' . s/"/""/gr . '"' } @_ }
sub as_value { return "'" . $_[0] =~ s/'/''/gr . "'" }

# Writes the files of a case: [name, text], including postgresql.conf.
sub write_files {
    my (%text) = @_;
    my $folder = $node->data_dir;
        for my $name ('postgresql.conf', 'postgresql.auto.conf', grep { !/^postgresql\./ } keys %text) {
        open(my $file, '>', "$folder/$name") or die "$name: $!";
        print $file $name eq 'postgresql.conf' ? $main : $name eq 'postgresql.auto.conf' ? $auto : '', $text{$name} // '';
        close $file;
    }
    return;
}

# Checks which libraries the server has loaded, by its setting and by the libraries' log lines; and that all
# is whole.
sub restarted {
    my ($expected, $preloaded, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $offset = log_offset($node);
    $node->stop;
    ok($node->start(fail_ok => 1), "$test: the server starts") or BAIL_OUT('no server');
    is(value($node, 'one', 'SHOW shared_preload_libraries'), $expected, '... with this list') if defined $expected;
    is(value($node, 'one', 'SELECT preloaded FROM dynpgext.status'), $preloaded, '... status shows it');
    is_whole($node, '... and all is back', 'one');
    return log_count($node, qr/dx_plain _PG_init/, $offset);
}

sub preload {
    my ($enable) = @_;
    return value($node, 'one', "SELECT dynpgext.preload($enable)");
}

my $list = quoted(@odd);
# name, files, the list with dynpgext, the list after its removal, number of odd libraries loaded, and how
# that list is written if it is postgresql.conf's again
my @cases = (
    [ 'nothing before', {}, 'dynpgext', '', 0 ],
    [ 'an empty list', { 'postgresql.conf' => "shared_preload_libraries = ''\n" }, 'dynpgext', '', 0 ],
    [ 'other libraries', { 'postgresql.conf' => "shared_preload_libraries = 'dx_plain ,  auto_explain'\n" },
        'dx_plain, auto_explain, dynpgext', 'dx_plain, auto_explain', 1, 'dx_plain ,  auto_explain' ],
    [ 'odd names', { 'postgresql.conf' => 'shared_preload_libraries = ' . as_value($list) . "\n" },
        "$list, dynpgext" =~ s/"(\S*UPPER.so)"/"$1"/r, $list, scalar @odd ],
    # names of settings are case-insensitive
    [ 'a name in capitals', {
            'postgresql.conf' => "shared_preload_libraries = 'auto_explain'\nShared_Preload_Libraries = dx_plain\n" },
        'dx_plain, dynpgext', 'dx_plain', 1 ],
    [ 'ALTER SYSTEM before', {
            'postgresql.conf' => "shared_preload_libraries = 'nowhere'\n",
            'postgresql.auto.conf' => "shared_preload_libraries = 'auto_explain, dx_plain'\n" },
        'auto_explain, dx_plain, dynpgext', 'auto_explain, dx_plain', 1 ],
    # ALTER SYSTEM writes an empty list this way, and the server does not start with it
    [ 'an empty one by ALTER SYSTEM', { 'postgresql.auto.conf' => q(shared_preload_libraries = '""') . "\n" }, 'dynpgext', '', 0 ]);

for my $case (@cases) {
    my ($name, $files, $with, $without, $loaded, $written) = @$case;
    subtest "there and back: $name" => sub {
        write_files(%$files);
        is(preload('true'), $with, 'preload');
        is(preload('true'), $with, 'twice is once');
        is(restarted($with, 't', 'with it'), $loaded, '... and the others are loaded');
        is(preload('false'), $without, 'taken out');
        is(preload('false'), $without, 'twice is once');
        is(restarted($written // $without, 'f', 'without it'), $loaded, '... and the others are loaded');
        # and without a restart in between
        is(preload('true'), $with, 'in again');
        is(preload('false'), $without, 'and out again');
    };
}

subtest 'other spellings of dynpgext in the list' => sub {
    for my $spelling ('$libdir/dynpgext', 'dynpgext.so', "$pkglibdir/dynpgext.so", '"dynpgext"', ' dynpgext ') {
        write_files('postgresql.conf' => "shared_preload_libraries = '$spelling,dx_plain'\n");
        my $before = slurp_file($node->data_dir . '/postgresql.auto.conf');
        preload('true');
        is(slurp_file($node->data_dir . '/postgresql.auto.conf'), $before, "$spelling: nothing to do");
        is(preload('false'), 'dx_plain', 'it is taken out');
    }
    write_files('postgresql.conf' => q(shared_preload_libraries = '$libdir/dynpgext,dynpgext,dx_plain') . "\n");
    restarted(undef, 't', 'twice in the list');
    is(preload('false'), 'dx_plain', 'both are taken out');
    restarted('dx_plain', 'f', 'out');
    write_files('postgresql.conf' => "shared_preload_libraries = 'DynPGext_not, dx_plain'\n");
    is(preload('true'), '"DynPGext_not", dx_plain, dynpgext', 'not one of another name');
};

# If dynpgext is the only element of a list in a hand-written file, it cannot be removed.
subtest 'a list that ALTER SYSTEM cannot empty' => sub {
    my @ways = (
        { 'postgresql.conf' => "shared_preload_libraries = 'dynpgext'\n" },
        { 'postgresql.conf' => "shared_preload_libraries = 'dx_plain'\n", 'postgresql.auto.conf' => "shared_preload_libraries = 'dynpgext'\n" });
    for my $files (@ways) {
        write_files(%$files);
        my $before = slurp_file($node->data_dir . '/postgresql.auto.conf');
        like(error_of($node, 'one', 'SELECT dynpgext.preload(false)'), qr/ERROR:  55000: .*cannot be made empty by ALTER SYSTEM.*HINT:/s,
            join(', ', sort keys %$files) . ': is refused');
        is(slurp_file($node->data_dir . '/postgresql.auto.conf'), $before, 'and nothing is written');
        restarted(undef, 't', 'it is preloaded') if $files == $ways[-1];
    }
    write_files('postgresql.conf' => "shared_preload_libraries = 'dx_plain,, \"open'\n");
    like(error_of($node, 'one', 'SELECT dynpgext.preload()'), qr/ERROR:  F0000: .*its value is not a list/s, 'a non-list is refused');
    write_files();
};

subtest 'privileges, and transactions' => sub {
    value($node, 'one', 'CREATE ROLE dx_granted LOGIN; GRANT EXECUTE ON FUNCTION dynpgext.preload TO dx_granted');
    my ($code, $out, $error) = $node->psql('one', 'SELECT dynpgext.preload()', connstr => $node->connstr('one') . ' user=dx_granted');
    like($error, qr/permission denied to change shared_preload_libraries/, 'EXECUTE is not enough');
    # it is not transactional, like ALTER SYSTEM, but runs in a transaction nevertheless
    value($node, 'one', 'BEGIN; SELECT dynpgext.preload(); ROLLBACK');
    is(preload('true'), 'dynpgext', 'it is not undone');
    restarted('dynpgext', 't', 'with it');
    is(preload('false'), '', 'out');
    is(slurp_file($node->data_dir . '/postgresql.auto.conf') =~ /shared_preload_libraries/ ? 1 : 0, 0, 'without a trace');
    restarted('', 'f', 'without it');
};

$node->stop;
done_testing();
