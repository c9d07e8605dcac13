# The HTML report: its content, for different roles; no name or message breaks out of its place in the page.
use strict;
use warnings FATAL => 'all';
use utf8;

use Encode;
use FindBin;
use lib "$FindBin::RealBin/lib";
use DynpgextTest;
use PostgreSQL::Test::Utils;
use SqlWorkers;
use Test::More;

my $node = new_primary('main',
    'dynpgext.crash_limit' => 1,
    'dynpgext.restart_delay_max' => '1h',
    'dx_supervised.workers' => 4,
    'dx_supervised.restart' => 'never,always,never,never',
    'dx_supervised.delay' => 3600_000);
value($node, 'postgres', 'CREATE ROLE monitor LOGIN IN ROLE pg_monitor; CREATE ROLE anybody LOGIN');

# exit code, page and error of the script
sub report {
    my ($of, $database, @more) = @_;
    my ($out, $error);
    IPC::Run::run([ "$FindBin::RealBin/../script/report", '-h', $of->host, '-p', $of->port, '-d', $database, @more ], '>', \$out, '2>', \$error);
    return ($? >> 8, decode('UTF-8', $out, Encode::FB_CROAK), $error);
}

# Elements that the script itself writes; everything else must be text or the value of an attribute.
my %known = map { $_ => 1 } qw(html head meta title style body a header h1 h2 h3 p time bdi nav ul ol li main section dl dt dd div span i b
    table caption thead tbody tr th td svg path);
my %attribute = map { $_ => 1 } qw(lang charset name content http-equiv class href id aria-label aria-labelledby aria-hidden role tabindex
    datetime scope style viewBox preserveAspectRatio d);

# Reads the page strictly.  Returns an error, or '', and the text of each section by its id.
sub read_page {
    my ($html) = @_;
    my (@open, %text, $section, %ids, @refers);
    $html =~ s/^<!DOCTYPE html>\n// or return 'no document type';
    $html =~ s{<style>[^<&]*</style>}{} or return 'no style';
    while ($html =~ /\G(?:<(\/?)([a-z0-9]+)((?: [a-zA-Z-]+="[^"<>]*")*)(\/?)>|([^<>&]+)|(&(?:amp|lt|gt|quot|#39|#160|#183|#xFFFD);))/gc) {
        my ($closes, $name, $attributes, $alone, $plain, $entity) = ($1, $2, $3, $4, $5, $6);
        if (!defined $name) {
            my %is = ('&amp;' => '&', '&lt;' => '<', '&gt;' => '>', '&quot;' => '"', '&#39;' => "'", '&#160;' => ' ', '&#183;' => '.', '&#xFFFD;' => '?');
            $plain = $is{$entity} if defined $entity;
            $text{$section} .= $plain if defined $section;
            return "character " . ord $1 if $plain =~ /([\x00-\x09\x0b-\x1f\x7f])/;
            next;
        }
        return "element $name" unless $known{$name};
        if ($closes) {
            return "$name closes $open[-1]" unless @open && pop @open eq $name;
            next;
        }
        while ($attributes =~ / ([a-zA-Z-]+)="([^"]*)"/g) {
            return "attribute $1" unless $attribute{$1};
            return "twice id $2" if $1 eq 'id' && $ids{$2}++;
            push @refers, $2 if $1 eq 'aria-labelledby';
            push @refers, substr($2, 1) if $1 eq 'href' and substr($2, 0, 1) eq '#' || return "link to $2";
            return "style $2" if $1 eq 'style' && $2 !~ /^width:[0-9.]+%$/;
        }
        $section = $1 if $name eq 'section' && $attributes =~ /aria-labelledby="([^"]+)"/;
        push @open, $name unless $alone;
    }
    return 'at ' . substr($html, pos($html) // 0, 60) if (pos($html) // 0) < length($html) - 1;
    return "open: @open" if @open;
    for (@refers) { return "no id $_" unless $ids{$_} }
    return ('', %text);
}

# One test: the page is written, and well-formed.  Returns the text of the sections.
sub page {
    my ($of, $database, $test, @more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($code, $html, $error) = report($of, $database, @more);
    is("$code $error", '0 ', "$test: exit 0");
    my ($wrong, %text) = read_page($html);
    is($wrong, '', "$test: the page is well formed");
    unlike($html, qr/<script|<img|https?:|url\(|\@import/, "$test: and loads nothing");
    return ($html, %text);
}

subtest 'an empty database' => sub {
    my ($code, $html, $error) = report($node, 'postgres');
    is("$code $html", '2 ', 'no dynpgext: exit 2, no page');
    like($error, qr/^dynpgext_report: there is no dynpgext in this database: postgres; name another one/, 'and it is reported');
    value($node, 'postgres', 'CREATE EXTENSION dynpgext');
    my (undef, %text) = page($node, 'postgres', 'no extension');
    like($text{problems}, qr/All is well/, 'all is well');
    like($text{$_}, qr/None\./, "no $_") for qw(databases extensions workers memory sql-workers hosted events);
};

my $database = q(<script>alert('&amp;');</script> "x" \\);
my $quoted = '"' . $database =~ s/"/""/gr . '"';
my @names = ("a\nnew line", q(<img src=x onerror="alert(1)">), q('"><b>&lt;\\), "über 漢字 \x{202e}rtl", "bell \x07 and \x7f");
value($node, 'postgres', "CREATE DATABASE $quoted");
add_database($node, 'shop', 'dynpgext', 'dx_supervised', 'dx_memory');
value($node, $database, 'CREATE EXTENSION dynpgext; CREATE EXTENSION dx_plain; CREATE TABLE public."<u>" (a int)');
is_whole($node, 'all is well', 'shop');

subtest 'workers in every state' => sub {
    crash($node, sub { tell_to_crash($node, 'shop', 4, 'segv') });
    value($node, 'shop', 'SELECT 1 FROM dynpgext.status');
    shows($node, 'shop', 'dx supervised 4', q(state = 'quarantined'), '(one is quarantined)');
    ok(tell($node, 'shop', 1, 'error'), '(one fails)');
    ok(tell($node, 'shop', 2, 'exit1'), '(one ends)');
    shows($node, 'shop', 'dx supervised 1', q(state = 'failed'), '(it has failed)');
    shows($node, 'shop', 'dx supervised 2', q(state = 'backoff'), '(it is in backoff)');
    my ($html, %text) = page($node, 'postgres', 'some fail');
    like($text{problems}, qr/2 critical, 0 warnings/, 'how much is wrong');
    like($text{problems}, qr/critical worker dx supervised 1 in database shop.*22012.*What to do: Repair the cause, then SELECT dynpgext\.restart_worker\('dx_supervised', 'dx supervised 1'\)/s, 'what, and what to do');
    like($text{problems}, qr/critical worker dx supervised 4 in database shop.*quarantined/s, 'the crash, too');
    ok(index($html, 'id="problems"') < index($html, 'id="status"'), 'before everything else');
    like($text{status}, qr/1 backoff, 1 failed, 1 quarantined, 1 running/, 'workers by state');
    like($text{databases}, qr/shop2413\d+ kB/, 'databases: extensions, workers, running ones, allocations');
    like($text{extensions}, qr/dx_memory.*shop.*provisioned/s, 'extensions');
    like($text{memory}, qr/dx_memory1028 kB/, 'memory');
    my @cards = $html =~ m{<li class="card"><div>(.*?)</li>}gs;
    is(join(', ', map { m{<h3><bdi>(.*?)</bdi>.*?>(\w+)</span>}s ? "$1 $2" : '?' } @cards),
        'dx supervised 4 quarantined, dx supervised 1 failed, dx supervised 2 backoff, dx supervised 3 running', 'each worker, the worst first');
    like($cards[1], qr{<title id="w2">[-0-9: ]+started \(pid \d+\); [-0-9: ]+exited \(code 1; 22012: .*\)\.</title><path class="running" d="M\d+ 0h\d+v24h-\d+z"/><path class="failed" d="M\d+ 18h\d+v6h-\d+z"/></svg>}, 'a timeline with its events in words');
    like($cards[1], qr{<p class="about">(?:running [^,]*, failed|failed [^,]*, running) [^<]*</p>}, 'and its shares');
    like($cards[2], qr{<path class="backoff" d="M\d+ 10h\d+v14h-\d+z"/>}, 'one that is in backoff');
    like($cards[3], qr{</title><path class="running" d="M\d+ 0h\d+v24h-\d+z"/></svg><p class="about">running 100&#160;%</p>}, 'one that runs');
    value($node, 'shop', q(SELECT dynpgext.release('dx_supervised'); SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 1'); SELECT dynpgext.restart_worker('dx_supervised', 'dx supervised 2')));
    is_whole($node, '(all is well again)', 'shop');
};

subtest 'names and messages of other roles' => sub {
    register_sql_workers($node, $database, 'dx_plain',
        map { { name => $_, sql => q(DO $x$ BEGIN RAISE EXCEPTION E'</td><script>alert(1)</script> & \n \x07 "%"', now(); END $x$), interval => 3600_000 } } @names);
    ok($node->poll_query_until($database, 'SELECT count(*) = ' . @names . q( FROM dynpgext.runs WHERE outcome = 'failed')), '(all have run)');
    my ($html, %text) = page($node, $database, 'hostile names');
    for my $section (qw(problems workers sql-workers events)) {
        for my $name (@names) {
            ok(index($text{$section}, $name =~ s/[\x07\x7f]/?/gr) >= 0, "$section: " . $name =~ s/[^ -~]/./gr);
        }
        ok(index($text{$section}, $database) >= 0, "$section: the database");
    }
    for my $section (qw(problems workers sql-workers)) {
        ok(index($text{$section}, "</td><script>alert(1)</script> & \n ? \"") >= 0, "$section: the message") or diag($text{$section});
    }
    like($html, qr{<h1>dynpgext on <bdi>main</bdi></h1>}, 'the name of the cluster');
    like($text{'sql-workers'}, qr/0 of 1 succeeded/, 'the last runs');
    (undef, %text) = page($node, 'shop', 'seen from another database');
    unlike($text{'sql-workers'}, qr/\d of \d+ succeeded/, 'without its runs');
    (undef, %text) = page($node, $database, 'one row', '-n', 1);
    my %more = (problems => 4, workers => 8, 'sql-workers' => 4);
    like($text{$_}, qr/And $more{$_} more\./, "$_: how many more") for sort keys %more;
};

subtest 'functions of other roles' => sub {
    value($node, $database, q(CREATE FUNCTION public.replace(text, text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
        CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;) . "ALTER DATABASE $quoted SET search_path = public, pg_catalog");
    value($node, $database, "ALTER DATABASE $quoted SET \"DateStyle\" = 'German'; ALTER DATABASE $quoted SET default_transaction_read_only = on");
    my (undef, %text) = page($node, $database, 'functions and settings of the owner of the database');
    like($text{problems}, qr/Since \d{4}-\d\d-\d\d /, 'have no effect');
};

subtest 'privileges' => sub {
    page($node, 'shop', 'a member of pg_monitor', '-U', 'monitor');
    my ($code, $html, $error) = report($node, 'shop', '-U', 'anybody');
    is("$code $html", '2 ', 'another role may not');
    like($error, qr/^dynpgext_report: this role may not read dynpgext's views, as members of pg_monitor may: anybody$/, 'and gets a message');
    ($code, $html, $error) = report($node, 'no_such_database');
    is("$code $html", '3 ', 'no connection: exit 3');
    like($error, qr/^dynpgext_report: cannot connect: .*"no_such_database" does not exist/, 'with the reason');
    value($node, 'postgres', 'CREATE DATABASE fake');
    value($node, 'fake', q(CREATE SCHEMA dynpgext; CREATE FUNCTION dynpgext.health() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$));
    ($code, $html, $error) = report($node, 'fake');
    like("$code $error", qr/^2 dynpgext_report: there is no dynpgext in this database: fake;/, 'a schema by that name is not dynpgext');
    for my $wrong ([ '-n', 0 ], [ '-t', 'x' ], ['--wrong'], ['more']) {
        is((report($node, 'shop', @$wrong))[0], 1, "@$wrong: exit 1");
    }
};

subtest 'a file' => sub {
    my $file = PostgreSQL::Test::Utils::tempdir() . '/report.html';
    append_to_file($file, 'the one before');
    is((report($node, 'no_such_database', '-o', $file))[0], 3, '(no connection)');
    is(slurp_file($file), 'the one before', 'stays when there is no new one');
    is(join(' ', report($node, 'shop', '-o', $file)), '0  ', 'is written');
    is((read_page(decode('UTF-8', slurp_file($file))))[0], '', 'whole');
    my ($code, undef, $error) = report($node, 'shop', '-o', '/no_such_folder/file');
    is($code, 1, 'that cannot be written: exit 1');
    like($error, qr{cannot write /no_such_folder/file}, 'and it is reported');
};

subtest 'other encodings' => sub {
    value($node, 'postgres', q(CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'; CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'));
    value($node, $_, 'CREATE EXTENSION dynpgext') for qw(latin bytes);
    page($node, 'latin', 'LATIN1');
    page($node, 'bytes', 'SQL_ASCII');
};

subtest 'a standby' => sub {
    my $standby = new_standby($node, 'standby');
    my (undef, %text) = page($standby, 'shop', 'on a standby');
    like($text{status}, qr/, a standby/, 'it reports it');
    $standby->stop;
};

subtest 'no launcher' => sub {
    $node->restart;
    my (undef, %text) = page($node, 'shop', 'after a restart without preload');
    like($text{problems}, qr/critical launcher.*none/s, 'the page shows it');
};

done_testing();
