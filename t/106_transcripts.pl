# Types every SQL block of the documentation into psql, page by page, and compares the output with the page:
# see t/lib/Transcripts.pm.  DYNPGEXT_REWRITE_TRANSCRIPTS=1 writes the output into the pages.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Recipe;
use Test::More;
use Transcripts;

my $root = "$FindBin::RealBin/..";
my @pages = map { glob "$root/$_" } qw(*.md docs/*.md examples/*/README.md);
@pages = grep {/$ENV{DYNPGEXT_PAGE}/} @pages if $ENV{DYNPGEXT_PAGE};
my ($typed, $untyped) = (0, 0);

# my_ext, my_pool and my_jobs, which pages use, are the examples of docs/write-an-extension.md and
# docs/sql-workers.md.
my $guide = 'docs/write-an-extension.md';
my $install = recipe_install();
recipe_build($install, 'my_ext', c => code_block($guide, 'c', 'my_ext_record'), code_block($guide, 'sql', 'my_ext_record'),
    code_block($guide, 'control', 'my_ext'));
recipe_build($install, 'my_pool', c => code_block($guide, 'c', 'my_pool_main'), '');
my %files = ('my_jobs.control' => code_block('docs/sql-workers.md', 'control', 'jobs'), 'my_jobs--1.0.sql' => code_block('docs/sql-workers.md', 'sql', 'my_jobs'));
append_to_file("$install->{extensions}/$_", $files{$_}) for keys %files;

for my $page (@pages) {
    my $name = $page =~ s/^\Q$root\E\///r;
    my $text = slurp_file($page);
    my @blocks = blocks_of($text) or next;
    subtest $name => sub { page($name, $page, $text, @blocks) };
}
cmp_ok($untyped, '<=', $typed / 10, "few blocks are not run: $untyped of " . ($typed + $untyped)) unless $ENV{DYNPGEXT_PAGE};
done_testing();

sub page {
    my ($name, $page, $text, @blocks) = @_;
    my %state = (rewrite => $ENV{DYNPGEXT_REWRITE_TRANSCRIPTS});
    my ($node, @lines);
    for my $block (@blocks) {
        if ($block->{why}) {
            $untyped++;
            pass("line $block->{line} is not run: $block->{why}");
            next;
        }
        unless ($node) {
            $node = new_cluster($name =~ s/\W/_/gr, install_path => $install->{path}, log_min_messages => 'warning', 'dynpgext.naptime' => '1s', log_statement => 'none');
            $node->safe_psql('postgres', "CREATE DATABASE $_") for qw(shop blog);
        }
        my $shown = join '', map {"$_\n"} @{ $block->{lines} };
        my @differences = play($node, $block, \%state);
        is(join("\n", @differences), '', "$block->{kind} at line $block->{line}");
        $typed++ if $block->{kind} ne 'setup';
        my $now = join '', map {"$_\n"} @{ $block->{lines} };
        $text =~ s/\Q$shown\E/$now/ if $now ne $shown;
    }
    if ($state{rewrite}) {
        open(my $file, '>', $page) or die "$page: $!";
        print $file $text;
        close $file;
    }
    delete $state{sessions};
    $node->stop if $node;
    return;
}
