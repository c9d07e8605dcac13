# The Makefile of the README, letter by letter, with its example in C and that of the documentation in
# C++: it builds, installs, and what it builds works.
use strict;
use warnings FATAL => 'all';

use File::Basename;
use File::Path qw(make_path);
use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

# The only block of this language in a document that matches.
sub block {
    my ($document, $language, $pattern) = @_;
    my @found = grep {/$pattern/} slurp_file("$FindBin::RealBin/../$document") =~ /^```$language\n(.*?)^```$/msg;
    is(scalar @found, 1, "$document has one such block: $language, $pattern");
    return $found[0];
}

# A copy of the installation that this test may install in.
my ($install, $libraries) = private_install();
my ($pg_config) = grep {-x} "$install/bin/pg_config";
{
    my ($private) = `$pg_config --sharedir` =~ /^(.*)$/m;
    my $shared = readlink $private;
    unlink $private;
    make_path("$private/extension");
    symlink $_, "$private/" . basename($_) for grep { basename($_) ne 'extension' } glob "'$shared/'*";
    symlink $_, "$private/extension/" . basename($_) for glob "'$shared/extension/'*";
    for my $what (qw(includedir-server includedir)) {
        my ($from) = `pg_config --$what` =~ /^(.*)$/m;
        my ($to) = `$pg_config --$what` =~ /^(.*)$/m;
        next if -e $to;
        make_path(dirname($to));
        symlink $from, $to;
    }
}
my $node = new_cluster('main', install_path => $install);
add_database($node, 'one', 'dynpgext');

# Builds and installs my_ext from this source with the README's Makefile, as this extension.
sub build {
    my ($name, $source, $sql) = @_;
    my $folder = PostgreSQL::Test::Utils::tempdir("build_$name");
    my $makefile = block('README.md', 'make', 'PGXS') =~ s/\bmy_ext\b/$name/gr;
    my %files = ("$name.$source->[0]" => $source->[1], "$name--1.0.sql" => $sql,
        "$name.control" => "default_version = '1.0'\nmodule_pathname = '\$libdir/$name'\n", Makefile => $makefile);
    append_to_file("$folder/$_", $files{$_}) for keys %files;
    command_ok([ 'make', '-s', '-C', $folder, 'install', "PG_CONFIG=$pg_config" ], 'make install');
    ok(-f "$libraries/$name.so", 'there is a library');
    return;
}

subtest 'C' => sub {
    build('hits', [ c => block('README.md', 'c', 'DYNPGEXT_MAGIC') ], "CREATE FUNCTION hit() RETURNS bigint LANGUAGE C AS 'MODULE_PATHNAME';\n");
    value($node, 'one', 'CREATE EXTENSION hits');
    is(value($node, 'one', 'SELECT hit() + hit()'), 3, 'the extension counts');
    is_whole($node, 'all is well', 'one');
};

subtest 'C++' => sub {
    # it uses the language's run-time library
    my $source = block('docs/c-api.md', 'cpp', 'DYNPGEXT_MAGIC')
      =~ s/PG_RETURN_NULL\(\)/try { throw std::string("it works"); } catch (const std::string &s) { PG_RETURN_INT32((int)s.size()); }/r;
    build('hits_cpp', [ cpp => "#include <string>\n$source" ],
        "CREATE FUNCTION my_value() RETURNS integer LANGUAGE C AS 'MODULE_PATHNAME';\n");
    value($node, 'one', 'CREATE EXTENSION hits_cpp');
    is(value($node, 'one', 'SELECT my_value()'), 8, 'its function runs');
    is_whole($node, 'all is well', 'one');
};

done_testing();
