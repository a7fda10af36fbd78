<?php
// Both APIs on Slim 3 and PHP's own server, over SQLite. Slim honours X-Http-Method-Override and takes a body that it
// can't parse for none; PHP decodes Basic credentials. OUTSIDE_ACCOUNTS holds the credentials as JSON, OUTSIDE_DATABASE
// names the file.
require 'Slim/autoload.php';

use Psr\Http\Message\ResponseInterface as Response;
use Psr\Http\Message\ServerRequestInterface as Request;

error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', '0');
const FRESH_MS = 300000;
const TENANTS = [
    'primary' => ['m_100', 'test'],
    'other_merchant' => ['m_200', 'test'],
    'other_environment' => ['m_100', 'live'],
];
$accounts = json_decode(getenv('OUTSIDE_ACCOUNTS'), true);

$database = new PDO('sqlite:' . getenv('OUTSIDE_DATABASE'), null, null, [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
    PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
    PDO::ATTR_TIMEOUT => 10,
]);
$database->exec('PRAGMA synchronous = OFF');
$database->exec('CREATE TABLE IF NOT EXISTS withdraws (id TEXT PRIMARY KEY, merchant TEXT, status TEXT, account TEXT,
    stoppable INTEGER, paid_at TEXT, canceled_at TEXT, created_at TEXT, updated_at TEXT)');
$database->exec('CREATE TABLE IF NOT EXISTS intents (id TEXT PRIMARY KEY, merchant TEXT, environment TEXT, status TEXT,
    failure_code TEXT, failure_message TEXT, created_at TEXT, updated_at TEXT)');
$database->exec('CREATE TABLE IF NOT EXISTS uses (merchant TEXT, environment TEXT, name TEXT, fingerprint TEXT,
    answer TEXT, PRIMARY KEY (merchant, environment, name))');

function now(): string
{
    return (new DateTimeImmutable('now', new DateTimeZone('UTC')))->format('Y-m-d\TH:i:s.v\Z');
}

function query(string $sql, array $values)
{
    $statement = $GLOBALS['database']->prepare($sql);
    $statement->execute($values);
    return $statement;
}

// Withdraws

function withdrawError(Response $response, int $status, string $code, string $message): Response
{
    return $response->withJson(['success' => false, 'error' => compact('code', 'message')], $status);
}

function shownWithdraw(array $row): array
{
    return [
        'id' => $row['id'], 'amount' => '640.00', 'currency' => 'PHP', 'status' => $row['status'],
        'referenceId' => 'rent-11', 'destinationType' => 'bank_account',
        'bankAccountNumber' => '****' . substr($row['account'], -4), 'bankAccountName' => 'Liza Ramos',
        'bankCode' => '0017', 'destinationId' => null, 'description' => 'Rent/November',
        'metadata' => ['unit' => '4B', 'months' => 1], 'paidAt' => $row['paid_at'],
        'canceledAt' => $row['canceled_at'], 'createdAt' => $row['created_at'], 'updatedAt' => $row['updated_at'],
    ];
}

$signed = function (Request $request, Response $response, callable $next) use ($accounts) {
    $stamp = $request->getHeaderLine('X-Timestamp');
    foreach ($accounts as $name => $account) {
        if (!isset($account['api_key']) || $account['api_key'] !== $request->getHeaderLine('X-API-Key')) {
            continue;
        }
        $expected = 'sha256=' . hash_hmac('sha256', $stamp . '.' . $request->getBody(), $account['api_secret']);
        if (!hash_equals($expected, $request->getHeaderLine('X-Signature'))) {
            break;
        }
        if (!ctype_digit($stamp) || abs(microtime(true) * 1000 - (float) $stamp) > FRESH_MS) {
            break;
        }
        return $next($request->withAttribute('tenant', TENANTS[$name]), $response);
    }
    return withdrawError($response, 401, 'UNAUTHORIZED', 'The request is not signed as it should be');
};

$app = new Slim\App();

$app->group('/api/v1/withdraws', function () {
    $this->get('/{id}', function (Request $request, Response $response, array $arguments) {
        $values = [$arguments['id'], $request->getAttribute('tenant')[0]];
        $row = query('SELECT * FROM withdraws WHERE id = ? AND merchant = ?', $values)->fetch();
        if (!$row) {
            return withdrawError($response, 404, 'RESOURCE_NOT_FOUND', 'Withdraw not found');
        }
        return $response->withJson(['success' => true, 'data' => shownWithdraw($row)]);
    });
    $this->post('/{id}/cancel', function (Request $request, Response $response, array $arguments) {
        $at = now();
        $values = [$arguments['id'], $request->getAttribute('tenant')[0]];
        $changed = query("UPDATE withdraws SET status = 'canceled', canceled_at = ?, updated_at = ?
            WHERE id = ? AND merchant = ? AND (status = 'pending' OR status = 'processing' AND stoppable)",
            [$at, $at, ...$values])->rowCount();
        $row = query('SELECT * FROM withdraws WHERE id = ? AND merchant = ?', $values)->fetch();
        if (!$row) {
            return withdrawError($response, 404, 'RESOURCE_NOT_FOUND', 'Withdraw not found');
        }
        if (!$changed) {
            $message = "Withdraw cannot be cancelled because it is {$row['status']}";
            return withdrawError($response, 400, 'VALIDATION_ERROR', $message);
        }
        return $response->withJson(['success' => true, 'data' => shownWithdraw($row)]);
    });
})->add($signed);

// Payout intents

function intentError(Response $response, int $status, string $code, string $message): Response
{
    return $response->withJson(['error' => compact('code', 'message')], $status);
}

function shownIntent(array $row): array
{
    return [
        'object' => 'payout_intent', 'id' => $row['id'], 'amount' => '64000', 'currency' => 'PHP', 'country' => 'PH',
        'environment' => $row['environment'], 'status' => $row['status'], 'merchant_reference' => 'rent-11',
        'recipient' => [
            'type' => 'bank_account', 'account_last4' => '2468', 'bank_code' => 'MBTCPHMM', 'holder_name' => 'Liza Ramos',
        ],
        'failure_code' => $row['failure_code'], 'failure_message' => $row['failure_message'],
        'created_at' => $row['created_at'], 'updated_at' => $row['updated_at'],
    ];
}

$basic = function (Request $request, Response $response, callable $next) use ($accounts) {
    $server = $request->getServerParams();
    foreach ($accounts as $name => $account) {
        $known = hash_equals($account['public_key'], $server['PHP_AUTH_USER'] ?? '');
        if ($known && hash_equals($account['secret_key'], $server['PHP_AUTH_PW'] ?? '')) {
            return $next($request->withAttribute('tenant', TENANTS[$name]), $response);
        }
    }
    return intentError($response, 401, 'unauthorized', 'These keys are not known')
        ->withHeader('WWW-Authenticate', 'Basic realm="Merchant API"');
};

function ownIntent(Request $request, array $arguments)
{
    $values = [$arguments['id'], ...$request->getAttribute('tenant')];
    return query('SELECT * FROM intents WHERE id = ? AND merchant = ? AND environment = ?', $values)->fetch();
}

$app->group('/payout_intents', function () use ($database) {
    $this->get('/{id}', function (Request $request, Response $response, array $arguments) {
        $row = ownIntent($request, $arguments);
        if (!$row) {
            return intentError($response, 404, 'not_found', 'Payout intent not found');
        }
        return $response->withJson(shownIntent($row));
    });
    $this->post('/{id}/cancel', function (Request $request, Response $response, array $arguments) use ($database) {
        $reason = $request->getParsedBody()['reason'] ?? null;
        if ($reason !== null && (!is_string($reason) || iconv_strlen($reason, 'UTF-8') > 512)) {
            return intentError($response, 400, 'invalid_reason', 'The reason is a text of up to 512 characters');
        }
        $use = [...$request->getAttribute('tenant'), $request->getHeaderLine('Idempotency-Key')];
        $fingerprint = hash('sha256', json_encode([$arguments['id'], $reason]));
        $database->exec('BEGIN IMMEDIATE');
        try {
            $row = ownIntent($request, $arguments);
            if (!$row) {
                return intentError($response, 404, 'not_found', 'Payout intent not found');
            }
            $mine = 'merchant = ? AND environment = ? AND name = ?';
            $first = $use[2] === '' ? false : query("SELECT * FROM uses WHERE $mine", $use)->fetch();
            if ($first && $first['fingerprint'] !== $fingerprint) {
                return intentError($response, 409, 'idempotency_conflict', 'The key came with another request');
            }
            if ($first) {
                return $response->withJson(json_decode($first['answer'], true), 202);
            }
            if ($row['status'] !== 'requires_approval') {
                $message = "Payout intent is in status {$row['status']}";
                return intentError($response, 422, 'approval_required', $message);
            }
            $row = array_replace($row, [
                'status' => 'cancelled', 'failure_code' => 'cancelled', 'failure_message' => $reason, 'updated_at' => now(),
            ]);
            query("UPDATE intents SET status = 'cancelled', failure_code = 'cancelled', failure_message = ?,
                updated_at = ? WHERE id = ?", [$reason, $row['updated_at'], $row['id']]);
            if ($use[2] !== '') {
                $kept = [...$use, $fingerprint, json_encode(shownIntent($row))];
                query('INSERT INTO uses VALUES (?, ?, ?, ?, ?)', $kept);
            }
            return $response->withJson(shownIntent($row), 202);
        } finally {
            $database->exec('COMMIT');
        }
    });
})->add($basic);

// Provider states

$app->post('/_states', function (Request $request, Response $response) {
    $asked = $request->getParsedBody();
    $params = $asked['params'] ?? [];
    if ($asked['action'] !== 'setup') {
        return $response->withJson(new stdClass());
    }
    $elsewhere = ($params['environment'] ?? '') === 'other';
    [$merchant, $environment] = TENANTS[$elsewhere ? 'other_environment' : $params['owner'] ?? 'primary'];
    ['contract' => $contract, 'status' => $status] = $params;
    $at = now();
    if ($contract === 'withdraws' && in_array($status, ['pending', 'processing', 'paid', 'failed', 'canceled'])) {
        $id = vsprintf('%s%s-%s-4%s-a%s-%s%s%s', [
            ...str_split(bin2hex(random_bytes(6)), 4), ...str_split(bin2hex(random_bytes(3)), 3),
            ...str_split(bin2hex(random_bytes(6)), 4),
        ]);
        $account = (string) random_int(10 ** 11, 10 ** 12 - 1);
        $stoppable = $params['provider_supports_cancel'] ?? true;
        query('INSERT INTO withdraws VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)', [
            $id, $merchant, $status, $account, (int) $stoppable, $status === 'paid' ? $at : null,
            $status === 'canceled' ? $at : null, $at, $at,
        ]);
        $told = ['bankAccountNumber' => $account, 'provider_supports_cancel' => $stoppable];
        return $response->withJson(['id' => $id, 'amount' => '640.00', 'currency' => 'PHP'] + $told);
    }
    if ($contract === 'payout-intents' && in_array($status, ['requires_approval', 'processing', 'cancelled', 'settled'])) {
        $id = 'po_' . bin2hex(random_bytes(10));
        $code = $status === 'cancelled' ? 'cancelled' : null;
        query('INSERT INTO intents VALUES (?, ?, ?, ?, ?, ?, ?, ?)', [
            $id, $merchant, $environment, $status, $code, null, $at, $at,
        ]);
        return $response->withJson(['id' => $id, 'amount' => '64000', 'currency' => 'PHP']);
    }
    return $response->withJson(['error' => 'This state cannot be made'], 422);
});

$app->run();
