# Clients that do not read the server's messages: sessions at the level of protocol messages.
package UnreadClient;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IO::Socket::UNIX;
use Socket qw(SOCK_STREAM);

our @EXPORT = qw(open_session tell_server answer ask unread_error notices_that_fit);

# A session of the role: it reads only when the test does.
sub open_session {
    my ($node, $role, $database, %settings) = @_;
    my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $node->host . '/.s.PGSQL.' . $node->port)
      or die "no connection: $!";
    my $parameters = join '', map {"$_\0"} user => $role, database => $database // 'postgres', application_name => 'dx refused', %settings, '';
    $socket->syswrite(pack 'NNa*', 8 + length $parameters, 196608, $parameters);
    answer($socket, qr/Z\0\0\0\x05I$/);
    return $socket;
}

# Messages: type, content, ...
sub tell_server {
    my ($socket, @messages) = @_;
    while (my ($type, $content) = splice @messages, 0, 2) {
        $socket->syswrite(pack 'aNa*', $type, 4 + length $content, $content);
    }
    return;
}

sub answer {
    my ($socket, $until) = @_;
    my $all = '';
    while ($all !~ $until) {
        $socket->sysread($all, 8192, length $all) or die "the session has ended: $all";
    }
    return $all;
}

# A simple query, with its answer.
sub ask {
    my ($socket, $sql) = @_;
    tell_server($socket, Q => "$sql\0");
    return answer($socket, qr/Z\0\0\0\x05[ITE]$/);
}

# Sends a command that is refused, with a text that makes the error longer than the system's buffers.
sub unread_error {
    my ($socket, $command) = @_;
    tell_server($socket, Q => "DO \$\$ BEGIN EXECUTE '/*' || repeat('x', 3000000) || '*/ $command'; END \$\$\0");
    return;
}

# The number of short messages that the system buffers for such a client: the next one blocks the
# server.
sub notices_that_fit {
    my ($node, $role, $database) = @_;
    $node->safe_psql($database, 'DROP SEQUENCE IF EXISTS public.dx_sent; CREATE SEQUENCE public.dx_sent; GRANT ALL ON SEQUENCE public.dx_sent TO PUBLIC');
    my $socket = open_session($node, $role, $database);
    tell_server($socket, Q => "DO \$\$ BEGIN LOOP RAISE NOTICE 'x'; PERFORM nextval('public.dx_sent'); END LOOP; END \$\$\0");
    $node->poll_query_until($database, q(SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'dx refused' AND wait_event = 'ClientWrite'))
      or die 'the session does not wait for its client';
    my $count = $node->safe_psql($database, 'SELECT last_value FROM public.dx_sent');
    close $socket;
    $node->poll_query_until($database, q(SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'dx refused'))
      or die 'the session stays';
    return $count;
}

1;
