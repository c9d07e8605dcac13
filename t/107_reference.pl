# docs/sql-reference.md has every object and setting of dynpgext, and no others.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $page = slurp_file("$FindBin::RealBin/../docs/sql-reference.md");
my $node = new_cluster('main');
add_database($node, 'one', 'dynpgext');

sub rows { return split /\n/, value($node, 'one', shift) }

# The text of a section: from its heading to the next one of the same level.
sub section {
    my ($title) = @_;
    my ($level, $text) = $page =~ /^(##+) \Q$title\E\n(.*?)(?=^##+ |\z)/ms or die "no section $title";
    while ($level eq '##' && $page =~ /\Q$text\E(^###.*?)(?=^## |\z)/ms) { $text .= $1; }
    return $text;
}

# Objects that the page calls internal, and those with a heading.
my %internal = map { $_ => 1 } section('Internal objects') =~ /`(\w+)(?:\(\))?`/g;
my %heading = map { $_ => 1 } map { split /(?:,| and) /, s/dynpgext\.//gr } $page =~ /^### (.*)$/mg;

my %object;
for my $row (rows(<<'SQL')) {
SELECT DISTINCT c.kind || ' ' || c.name
  FROM pg_depend AS d, LATERAL (
    SELECT pronamespace::regnamespace || '-function', proname FROM pg_proc WHERE d.classid = 'pg_proc'::regclass AND oid = d.objid
    UNION ALL
    SELECT CASE relkind WHEN 'v' THEN 'view' ELSE 'table' END, relname FROM pg_class
     WHERE d.classid = 'pg_class'::regclass AND oid = d.objid
    UNION ALL
    SELECT 'type', typname FROM pg_type WHERE d.classid = 'pg_type'::regclass AND oid = d.objid AND typrelid = 0 AND typelem = 0
    UNION ALL
    SELECT 'trigger', evtname FROM pg_event_trigger WHERE d.classid = 'pg_event_trigger'::regclass AND oid = d.objid
    UNION ALL
    SELECT 'wrapper', fdwname FROM pg_foreign_data_wrapper WHERE d.classid = 'pg_foreign_data_wrapper'::regclass AND oid = d.objid
    UNION ALL
    SELECT 'server', srvname FROM pg_foreign_server WHERE d.classid = 'pg_foreign_server'::regclass AND oid = d.objid) AS c(kind, name)
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'dynpgext')
SQL
    my ($kind, $name) = split / /, $row;
    $object{$name} = $kind;
}
for my $name (sort keys %object) {
    my $is_there = $internal{$name} || $heading{$name}
      || ($object{$name} eq 'trigger' && section('Event triggers') =~ /`\Q$name\E`/)
      || ($name eq 'hosted_libraries' && $page =~ /`dynpgext\.hosted_libraries`/);
    ok($is_there, "$object{$name} $name is in the reference");
    is($object{$name} =~ /^dynpgext_internal-/ ? 1 : 0, $internal{$name} // 0, "$object{$name} $name is in the right schema") if $object{$name} =~ /-/;
}
for my $name (sort keys %internal) {
    next if $name =~ /^(pg_dump|PUBLIC|dynpgext|dynpgext_internal|identities|worker_settings|manifests|restore|hosted_libraries)$/ || section('Internal objects') =~ /`\Q$name\E_\*`/;
    ok($object{$name}, "internal $name exists");
}

# Columns of views and tables, in order.
for my $name (grep { $object{$_} =~ /^(view|table)$/ && $heading{$_} && !/^cluster_/ } sort keys %object) {
    my $is = value($node, 'one', "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
      WHERE attrelid = 'dynpgext.$name'::regclass AND attnum > 0 AND NOT attisdropped");
    my $shown = join ' ', section("dynpgext.$name") =~ /^\| ([a-z_]+) \| /mg;
    is($shown =~ s/^column //r, $is, "columns of $name");
}

# Settings, with their units, defaults and ranges.
for my $row (rows(q(LOAD 'dynpgext'; SELECT name, coalesce(unit, ''), boot_val, min_val, max_val FROM pg_settings WHERE name LIKE 'dynpgext.%' ORDER BY name))) {
    my ($name, $unit, $default, $least, $most) = split /\|/, $row;
    my ($line) = $page =~ /^(\| `\Q$name\E` \|.*)$/m;
    ok($line, "$name is in the reference") or next;
    my (undef, undef, $its_unit, $its_default, $its_range) = map {s/^\s+|\s+$|`//gr} split /\|/, $line;
    is($its_unit, $unit, "$name: its unit");
    is($its_default =~ s/^empty$//r, $default, "$name: its default");
    is($its_range, "$least to $most", "$name: its range") if $least ne '';
}
my %setting = map { $_ => 1 } rows(q(LOAD 'dynpgext'; SELECT name FROM pg_settings WHERE name LIKE 'dynpgext.%'));
ok($setting{$_}, "$_ is a setting") for $page =~ /^\| `(dynpgext\.\w+)` \|/mg;

# Every SQLSTATE raised in the code is in the table.
my %name_of = map { /^#define (ERRCODE_\w+) MAKE_SQLSTATE\('(.)','(.)','(.)','(.)','(.)'\)/ ? ($1 => "$2$3$4$5$6") : () }
  split /\n/, slurp_file(do { my ($folder) = `pg_config --includedir-server` =~ /^(.*)$/m; "$folder/utils/errcodes.h" });
my %raised;
for my $file (glob "$FindBin::RealBin/../src/*/*.cpp $FindBin::RealBin/../src/*.cpp") {
    $raised{ $name_of{$_} // die "$file: $_" }{$_} = 1 for slurp_file($file) =~ /(?:pg::error\(|errcode\()\s*(ERRCODE_\w+)/g;
}
my %listed = map { $_ => 1 } section('Error codes') =~ /^\| (\w{5}) \|/mg;
ok($listed{$_}, "SQLSTATE $_ (@{[ join ' ', keys %{ $raised{$_} } ]}) is in the reference") for sort keys %raised;

$node->stop;
done_testing();
