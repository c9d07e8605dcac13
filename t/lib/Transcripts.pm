# Repeats psql sessions of the documentation: each page is one story, with a server of its own.
#
# In a page, a block of the language "psql" is a session: lines with psql's prompt are typed, in the
# database named in the prompt, and the lines after them must be the answer.  A block of the language
# "sql" is also typed, in the database of the last prompt ("shop" if there was none), and must not
# raise an error.  HTML comments, invisible to readers, contain the rest:
#
#   <!-- setup ... -->             lines with prompts, typed before the next block; answers are not compared
#   <!-- not run: WHY -->          before a block: it is not typed
#   <!-- varies: COLUMN ... -->    before a block: besides the usual ones, digits in these columns may differ
#
# A statement that only reads dynpgext's views is repeated until its answer is the expected one,
# because workers start and end asynchronously.  \q ends the session of the prompt, "-- in another
# session" at the end of a statement opens one for it, and "$ pg_ctl restart" restarts the server.
package Transcripts;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep);

our @EXPORT = qw(blocks_of play);

my $prompt = qr/^(\w+)=[*!]?[#>] ?(.*)$/;
my $continued = qr/^\w+[-('"][*!]?[#>] ?(.*)$/;
my $rule = qr/^-+(\+-+)*$/;

# Columns with digits that depend on the run.
my $varying = qr/^(at|due|pid|version|.*_pid|.*_at|memory_used|.*duration|beats|age)$/;

# The relevant blocks of a page: hashes of kind, line, text, varies and why (not run).
sub blocks_of {
    my ($text) = @_;
    my (@blocks, $block, $comment, %said);
    my $number = 0;
    for my $line (split /^/, $text) {
        $number++;
        chomp $line;
        if ($block) {
            if ($line =~ /^```\s*$/) {
                push @blocks, $block if $block->{kind} =~ /^(psql|sql)$/;
                ($block, %said) = (undef);
            } else {
                push @{ $block->{lines} }, $line;
            }
        } elsif (defined $comment) {
            if ($line =~ /^-->\s*$/) {
                push @blocks, { kind => 'setup', line => $number, lines => $comment };
                undef $comment;
            } else {
                push @$comment, $line;
            }
        } elsif ($line =~ /^```(\S*)/) {
            $block = { kind => $1, line => $number, lines => [], %said };
        } elsif ($line =~ /^<!-- setup$/) {
            $comment = [];
        } elsif ($line =~ /^<!-- not run: (.*) -->$/) {
            $said{why} = $1;
        } elsif ($line =~ /^<!-- varies: (.*) -->$/) {
            $said{varies} = $1;
        } elsif ($line =~ /\S/) {
            %said = ();
        }
    }
    return @blocks;
}

# play(NODE, BLOCK, STATE): types a block.  STATE is one hash for all blocks of a page.  Returns the
# differences, one text each; with $state->{rewrite}, replaces the block's lines by the real output.
sub play {
    my ($node, $block, $state) = @_;
    $state->{node} = $node;
    $state->{database} //= 'shop';
    my @steps = $block->{kind} eq 'sql' ? statements_of($block, $state->{database}) : steps_of($block);
    my (@differences, @rewritten);
    for my $step (@steps) {
        my $answer = answer($step, $block, $state);
        push @rewritten, @{ $step->{typed} }, alike($step, $answer, $block) ? @{ $step->{answer} } : split(/\n/, $answer);
        my $wrong =
            $block->{kind} eq 'psql' ? !alike($step, $answer, $block)
          : $answer =~ /^(ERROR|FATAL|PANIC):/m;
        push @differences, "line $step->{line}: $step->{text}\nwas answered by\n$answer" if $wrong;
    }
    if ($state->{rewrite} && $block->{kind} eq 'psql') {
        $block->{lines} = \@rewritten;
        return;
    }
    return @differences;
}

# Sessions and setups: typed lines, with their answers.
sub steps_of {
    my ($block) = @_;
    my @steps;
    my $line = $block->{line} - ($block->{kind} eq 'setup' ? @{ $block->{lines} } + 1 : 0);
    my $open = 0;
    for my $text (@{ $block->{lines} }) {
        $line++;
        if ($text =~ $prompt) {
            push @steps, { database => $1, text => $2, line => $line, typed => [$text], answer => [] };
        } elsif ($text =~ /^\$ (pg_ctl restart( -o ".*")?)$/) {
            push @steps, { shell => $1, text => $1, line => $line, typed => [$text], answer => [] };
        } elsif (@steps && !@{ $steps[-1]{answer} } && $text =~ $continued) {
            $steps[-1]{text} .= "\n$1";
            push @{ $steps[-1]{typed} }, $text;
        } elsif (@steps) {
            push @{ $steps[-1]{answer} }, $text;
        } elsif ($text =~ /\S/) {
            die "line $line: this is neither a prompt nor an answer: $text\n";
        }
    }
    return @steps;
}

# A block without prompts, split at semicolons at the end of a line, or before a comment that ends it.
sub statements_of {
    my ($block, $database) = @_;
    my (@steps, @lines);
    my $line = $block->{line};
    for my $text (@{ $block->{lines} }, ';') {
        $line++;
        push @lines, $text;
        next unless $text =~ /;\s*(--.*)?$/;
        my $statement = join "\n", @lines;
        push @steps, { database => $database, text => $statement, line => $line, typed => [@lines], answer => [] }
          if $statement =~ /[^\s;]/;
        @lines = ();
    }
    return @steps;
}

sub answer {
    my ($step, $block, $state) = @_;
    if ($step->{shell}) {
        delete $state->{sessions};
        my ($node, $options) = ($state->{node}, $step->{shell} =~ /-o "(.*)"/);
        $node->stop('fast');
        $options //= '';
        my @start = ('pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, '-o', "--cluster-name=" . $node->name . " $options", 'start');
        PostgreSQL::Test::Utils::system_or_bail(@start);
        $node->_update_pid(1);
        return '';
    }
    $state->{database} = $step->{database};
    if ($step->{text} eq '\q') {
        my $session = delete $state->{sessions}{ $step->{database} };
        $session->{in} .= "\\q\n";
        $session->{process}->finish;
        return '';
    }
    if ($step->{text} =~ /-- in another session$/) {
        return typed(session($state, $step->{database}), $step->{text});
    }
    my $session = $state->{sessions}{ $step->{database} } //= session($state, $step->{database});
    my $answer = typed($session, $step->{text});
    if ($step->{text} =~ /^\\c (\w+)$/ && $1 ne $step->{database}) {
        $state->{sessions}{$1} = delete $state->{sessions}{ $step->{database} };
        return $answer;
    }
    return $answer unless only_looks($step->{text}) && $block->{kind} eq 'psql';
    for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default) {
        last if $state->{rewrite} ? $_ > 20 : alike($step, $answer, $block);
        usleep(100_000);
        $answer = typed($session, $step->{text});
    }
    return $answer;
}

# Does it only read views of dynpgext, without calling its functions?
sub only_looks {
    my ($text) = @_;
    return $text =~ /^(SELECT|TABLE)\b/ && $text =~ /\b(FROM|TABLE|JOIN)\s+(dynpgext|heartbeat)\.\w+\s*(?!\()/
      && $text !~ /\bdynpgext\.(?!peek\b)\w+\s*\(|pg_terminate_backend/;
}

sub session {
    my ($state, $database) = @_;
    my $session = { in => '', out => '' };
    my @environment = (PGHOST => $state->{node}->host, PGPORT => $state->{node}->port, PGDATABASE => $database);
    local %ENV = (%ENV, @environment, PGAPPNAME => 'psql', PAGER => 'cat');
    $session->{process} = IPC::Run::start([ 'psql', '-XP', 'pager=off' ],
        '<', \$session->{in}, '>&', \$session->{out},
        $session->{timer} = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
    return $session;
}

# The session's answer.  An echo of a unique line shows when psql is done.
my $count = 0;

sub typed {
    my ($session, $text) = @_;
    my $end = 'end of answer ' . ++$count;
    $session->{timer}->start($PostgreSQL::Test::Utils::timeout_default);
    $session->{in} .= "$text\n\\echo $end\n";
    while (index($session->{out}, "$end\n") < 0) {
        $session->{process}->pumpable or die "psql has ended: $session->{out}";
        $session->{process}->pump;
    }
    my $answer = substr $session->{out}, 0, index($session->{out}, "$end\n");
    $session->{out} = '';
    return $answer;
}

# Is this the answer on the page?
sub alike {
    my ($step, $answer, $block) = @_;
    my $varies = join '|', split ' ', $block->{varies} // '';
    return plain(join("\n", @{ $step->{answer} }), $varies) eq plain($answer, $varies);
}

# Without blank lines, column widths, and varying digits.
sub plain {
    my ($text, $varies) = @_;
    my (@lines, @columns);
    for my $line (split /\n/, $text) {
        $line =~ s/\s+$//;
        if ($line =~ $rule && @lines) {
            @columns = cells(pop @lines);
            push @lines, join('|', @columns);
            next;
        }
        @columns = () if $line =~ /^\(\d+ rows?\)$/;
        if (@columns) {
            my @cells = cells($line);
            for my $n (0 .. $#cells) {
                my $name = $columns[$n] // '';
                $cells[$n] =~ s/\d+/0/g if $name =~ $varying || ($varies ne '' && $name =~ /^($varies)$/);
            }
            $line = join '|', @cells;
        }
        $line =~ s/\b(pid|process) \d+/$1 0/g;
        $line =~ s/\b\d+ ms\b/0 ms/g;
        $line =~ s/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?([+-]\d+)?/TIME/g;
        push @lines, $line if $line ne '';
    }
    return join "\n", @lines;
}

sub cells {
    my ($line) = @_;
    return map {s/^\s+|\s+$//gr} split /\|/, $line, -1;
}

1;
