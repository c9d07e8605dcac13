# Extensions from the documentation, built as a reader would.
package Recipe;

use strict;
use warnings FATAL => 'all';

use DynpgextTest;
use Exporter 'import';
use File::Basename;
use File::Path qw(make_path);
use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(code_block recipe_install recipe_build);

my $page = 'docs/write-an-extension.md';

# The only matching block of this language in a document.
sub code_block {
    my ($document, $language, $pattern) = @_;
    my @found = grep {/$pattern/} slurp_file("$FindBin::RealBin/../$document") =~ /^```$language\n(.*?)^```$/msg;
    is(scalar @found, 1, "$document has one such block: $language, $pattern");
    return $found[0];
}

# A copy of the installation into which a test may install.  Returns its install_path, its pg_config,
# and its folders of libraries and extensions.
sub recipe_install {
    my ($install, $libraries) = private_install();
    my ($pg_config) = grep {-x} "$install/bin/pg_config";
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
    return { path => $install, pg_config => $pg_config, libraries => $libraries, extensions => "$private/extension" };
}

# Builds and installs an extension from this source (suffix and text) with the page's Makefile.
sub recipe_build {
    my ($install, $name, $suffix, $source, $sql, $control) = @_;
    my $folder = PostgreSQL::Test::Utils::tempdir("build_$name");
    my $makefile = code_block($page, 'make', 'PGXS') =~ s/\bmy_ext\b/$name/gr;
    $control //= "default_version = '1.0'\nmodule_pathname = '\$libdir/$name'\n";
    my %files = ("$name.$suffix" => $source, "$name--1.0.sql" => $sql, "$name.control" => $control, Makefile => $makefile);
    append_to_file("$folder/$_", $files{$_}) for keys %files;
    command_ok([ 'make', '-s', '-C', $folder, 'install', "PG_CONFIG=$install->{pg_config}" ], "$name: make install");
    ok(-f "$install->{libraries}/$name.so", 'there is a library');
    return;
}

1;
