# Both APIs on Mojolicious, held in memory by its one process, with the framework's own pages for what isn't documented.
# OUTSIDE_ACCOUNTS holds the credentials as JSON; the address is printed on standard output.
use Mojolicious::Lite -signatures;
use Digest::SHA qw(hmac_sha256_hex);
use Mojo::Date;
use Mojo::JSON qw(decode_json encode_json true false);
use Mojo::Server::Daemon;
use Mojo::Util qw(secure_compare);
use Time::HiRes ();

app->mode('production');
app->log->level('fatal');
app->secrets(['only for tests']);

my $accounts = decode_json $ENV{OUTSIDE_ACCOUNTS};
my %tenants = (
  primary           => {merchant => 'M1', environment => 'test'},
  other_merchant    => {merchant => 'M2', environment => 'test'},
  other_environment => {merchant => 'M1', environment => 'live'},
);
my (%withdraws, %intents, %uses);

# Each request keeps the process as long as a database would.
hook before_dispatch => sub ($c) { Time::HiRes::sleep 0.004 };

sub now { Mojo::Date->new(Time::HiRes::time)->to_datetime }

sub digits ($count) { join '', map { int rand 10 } 1 .. $count }

helper own => sub ($c, $store) {
  my $found = $store->{$c->param('id')};
  return $found && $found->{tenant} == $c->stash('tenant') ? $found : undef;
};

# Withdraws

helper withdraw_error => sub ($c, $status, $code, $message) {
  $c->render(json => {success => false, error => {code => $code, message => $message}}, status => $status);
  return undef;
};

helper show_withdraw => sub ($c, $withdraw) {
  my %shown = %{$withdraw->{shown}};
  $shown{bankAccountNumber} =~ s/\d(?=\d{4})/x/g;
  $c->render(json => {success => true, data => \%shown});
};

group {
  under '/api/v1/withdraws' => sub ($c) {
    my $headers = $c->req->headers;
    my ($key, $stamp, $signature) = map { $headers->header($_) // '' } qw(X-API-Key X-Timestamp X-Signature);
    my ($name) = grep { ($accounts->{$_}{api_key} // '') eq $key } keys %tenants;
    return $c->withdraw_error(401, UNAUTHORIZED => 'The API key is not known') unless $name && length $key;
    return $c->withdraw_error(401, UNAUTHORIZED => 'The timestamp is out of date')
      unless $stamp =~ /^\d+$/a && abs(Time::HiRes::time * 1000 - $stamp) < 300_000;
    my $digest = hmac_sha256_hex("$stamp." . $c->req->body, $accounts->{$name}{api_secret});
    return $c->withdraw_error(401, UNAUTHORIZED => 'The signature is wrong')
      unless secure_compare("sha256=$digest", $signature);
    $c->stash(tenant => $tenants{$name});
    return 1;
  };

  get '/:id' => sub ($c) {
    my $withdraw = $c->own(\%withdraws) or return $c->withdraw_error(404, RESOURCE_NOT_FOUND => 'Withdraw not found');
    $c->show_withdraw($withdraw);
  };

  post '/:id/cancel' => sub ($c) {
    my $withdraw = $c->own(\%withdraws) or return $c->withdraw_error(404, RESOURCE_NOT_FOUND => 'Withdraw not found');
    my $shown    = $withdraw->{shown};
    return $c->withdraw_error(400, VALIDATION_ERROR => "A withdraw that is $shown->{status} cannot be cancelled")
      unless $shown->{status} eq 'pending';
    $shown->{status} = 'canceled';
    $shown->{canceledAt} = $shown->{updatedAt} = now;
    $c->show_withdraw($withdraw);
  };
};

# Payout intents

helper intent_error => sub ($c, $status, $code, $message) {
  $c->render(json => {error => {code => $code, message => $message}}, status => $status);
  return undef;
};

group {
  under '/payout_intents' => sub ($c) {
    my $pair = $c->req->url->to_abs->userinfo // '';
    my ($name) = grep { secure_compare($pair, "$accounts->{$_}{public_key}:$accounts->{$_}{secret_key}") } keys %tenants;
    $c->stash(tenant => $tenants{$name}) and return 1 if $name;
    $c->res->headers->www_authenticate('Basic realm="Merchant API"');
    return $c->intent_error(401, unauthorized => 'The keys are not known');
  };

  get '/:id' => sub ($c) {
    my $intent = $c->own(\%intents) or return $c->intent_error(404, not_found => 'Payout intent not found');
    $c->render(json => $intent->{shown});
  };

  post '/:id/cancel' => sub ($c) {
    my $intent = $c->own(\%intents) or return $c->intent_error(404, not_found => 'Payout intent not found');
    my $body   = length $c->req->body ? $c->req->json : {};
    return $c->intent_error(400, invalid_request => 'The body has to be a JSON object') unless ref $body eq 'HASH';
    my $reason = $body->{reason};
    return $c->intent_error(400, invalid_request => 'The reason has to be a text of up to 512 characters')
      if defined $reason && (ref $reason || length $reason > 512);
    my $shown = $intent->{shown};
    my $key   = $c->req->headers->header('Idempotency-Key') // '';
    my $use   = join '|', @{$intent->{tenant}}{qw(merchant environment)}, $key;
    my $print = encode_json [$shown->{id}, $reason];
    if (my $first = length $key && $uses{$use}) {
      return $c->intent_error(409, idempotency_conflict => 'The key was used with another body')
        if $first->{print} ne $print;
      return $c->render(json => $first->{answer}, status => 202);
    }
    return $c->intent_error(422, approval_required => "Payout intent is in status $shown->{status}")
      unless $shown->{status} eq 'requires_approval';
    @$shown{qw(status failure_code failure_message updated_at)} = ('cancelled', 'cancelled', $reason, now);
    $uses{$use} = {print => $print, answer => {%$shown}} if length $key;
    $c->render(json => $shown, status => 202);
  };
};

# Provider states

sub new_withdraw ($tenant, $status) {
  my $at = now;
  my $id = sprintf '%08x-%04x-4%03x-9%03x-%06x%06x', map { int rand 2**$_ } 32, 16, 12, 12, 24, 24;
  my %shown = (
    id => $id, amount => '999.90', currency => 'THB', status => $status, referenceId => 'shop 9',
    destinationType => 'bank_account', bankAccountNumber => 1 . digits(11), bankAccountName => 'Prasert W.',
    bankCode => '030', destinationId => undef, description => "L\x{fc}nch", metadata => {table => 9, vip => true},
    paidAt => $status eq 'paid' ? $at : undef, canceledAt => $status eq 'canceled' ? $at : undef,
    createdAt => $at, updatedAt => $at,
  );
  $withdraws{$id} = {tenant => $tenant, shown => \%shown};
  return {%shown};
}

sub new_intent ($tenant, $status) {
  my $at = now;
  my $id = 'payout-' . digits(20);
  my %shown = (
    object => 'payout_intent', id => $id, amount => '99990', currency => 'THB', country => 'TH',
    environment => $tenant->{environment}, status => $status, merchant_reference => 'shop 9',
    recipient =>
      {type => 'bank_account', account_last4 => digits(4), bank_code => 'GSBATHBK', holder_name => 'Prasert W.'},
    failure_code => $status eq 'cancelled' ? 'cancelled' : undef, failure_message => undef,
    created_at => $at, updated_at => $at,
  );
  $intents{$id} = {tenant => $tenant, shown => \%shown};
  return {%shown};
}

my %made = (
  withdraws        => [\&new_withdraw, qw(pending processing paid failed canceled)],
  'payout-intents' => [\&new_intent,   qw(requires_approval processing cancelled finished)],
);

post '/_states' => sub ($c) {
  my $asked  = $c->req->json;
  my $params = $asked->{params} // {};
  return $c->render(json => {}) unless $asked->{action} eq 'setup';
  my ($make, @statuses) = @{$made{$params->{contract}}};
  return $c->render(json => {}, status => 422) unless grep { $_ eq $params->{status} } @statuses;
  my $elsewhere = ($params->{environment} // '') eq 'other';
  my $tenant = $tenants{$elsewhere ? 'other_environment' : $params->{owner} // 'primary'};
  $c->render(json => $make->($tenant, $params->{status}));
};

my $daemon = Mojo::Server::Daemon->new(app => app, listen => ['http://127.0.0.1'], silent => 1)->start;
$| = 1;
print 'http://127.0.0.1:' . $daemon->ports->[0] . "\n";
$daemon->run;
