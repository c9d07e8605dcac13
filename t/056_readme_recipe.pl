# The C example of the README and the C++ example of the documentation, with the documentation's Makefile,
# taken literally: they build, install, and work.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Recipe;
use Test::More;

my $install = recipe_install();
my $node = new_cluster('main', install_path => $install->{path});
add_database($node, 'one', 'dynpgext');

subtest 'C' => sub {
    recipe_build($install, 'hits', c => code_block('README.md', 'c', 'DYNPGEXT_MAGIC'),
        "CREATE FUNCTION hit() RETURNS bigint LANGUAGE C AS 'MODULE_PATHNAME';\n");
    value($node, 'one', 'CREATE EXTENSION hits');
    is(value($node, 'one', 'SELECT hit() + hit()'), 3, 'the extension counts');
    is_whole($node, 'all is well', 'one');
};

subtest 'C++' => sub {
    # it uses the C++ run-time library
    my $source = code_block('docs/write-an-extension.md', 'cpp', 'DYNPGEXT_MAGIC')
      =~ s/PG_RETURN_NULL\(\)/try { throw std::string("it works"); } catch (const std::string &s) { PG_RETURN_INT32((int)s.size()); }/r;
    recipe_build($install, 'hits_cpp', cpp => "#include <string>\n$source",
        "CREATE FUNCTION my_value() RETURNS integer LANGUAGE C AS 'MODULE_PATHNAME';\n");
    value($node, 'one', 'CREATE EXTENSION hits_cpp');
    is(value($node, 'one', 'SELECT my_value()'), 8, 'its function runs');
    is_whole($node, 'all is well', 'one');
};

done_testing();
