# Both APIs on Sinatra, Rack::Auth::Basic and Puma, held in memory, with Rack's and Sinatra's own pages for what isn't
# documented. OUTSIDE_ACCOUNTS holds the credentials as JSON; the address is printed on standard output.
require 'json'
require 'openssl'
require 'puma'
require 'puma/server'
require 'rack'
require 'securerandom'
require 'sinatra/base'
require 'time'

ACCOUNTS = JSON.parse(ENV.fetch('OUTSIDE_ACCOUNTS'))
Tenant = Struct.new(:merchant, :environment)
ACME_TEST = Tenant.new('acme', 'test')
TENANTS = {
  'primary' => ACME_TEST,
  'other_merchant' => Tenant.new('globex', 'test'),
  'other_environment' => Tenant.new('acme', 'live')
}.freeze
WITHDRAWS = {}
INTENTS = {}
KEYS = {}
LOCK = Monitor.new

def now = Time.now.utc.iso8601(3)

# What both APIs share: a refusal ends the request, in the envelope of its API.
class Api < Sinatra::Base
  set :environment, :production
  set :show_exceptions, false
  set :dump_errors, false
  set :default_content_type, 'application/json'

  helpers do
    def owned(store, tenant)
      found = store[params['id']]
      found if found && found[:tenant] == tenant
    end
  end
end

# POST /api/v1/withdraws/{id}/cancel, and GET /api/v1/withdraws/{id}
class Withdraws < Api
  FRESH_MS = 300_000

  helpers do
    def refuse(status, code, message)
      halt status, JSON.generate(success: false, error: { code: code, message: message })
    end

    def show(withdraw)
      public = withdraw.reject { |name, _| %i[tenant stoppable].include?(name) }
      public[:bankAccountNumber] = withdraw[:bankAccountNumber].gsub(/\d(?=\d{4})/, '*')
      JSON.generate(success: true, data: public)
    end
  end

  before do
    stamp = request.env['HTTP_X_TIMESTAMP'].to_s
    name, account = ACCOUNTS.find { |_, one| one['api_key'] && one['api_key'] == request.env['HTTP_X_API_KEY'] }
    refuse 401, 'UNAUTHORIZED', 'Unknown API key' unless account
    refuse 401, 'UNAUTHORIZED', 'Bad timestamp' unless stamp.match?(/\A\d{13}\z/)
    refuse 401, 'UNAUTHORIZED', 'Stale timestamp' if (Time.now.to_f * 1000 - stamp.to_i).abs > FRESH_MS
    digest = OpenSSL::HMAC.hexdigest('SHA256', account['api_secret'], "#{stamp}.".b + request.body.read)
    signature = request.env['HTTP_X_SIGNATURE'].to_s
    refuse 401, 'UNAUTHORIZED', 'Bad signature' unless Rack::Utils.secure_compare("sha256=#{digest}", signature)
    @tenant = TENANTS[name]
  end

  get '/:id' do
    show(owned(WITHDRAWS, @tenant) || refuse(404, 'RESOURCE_NOT_FOUND', 'Withdraw not found'))
  end

  post '/:id/cancel' do
    LOCK.synchronize do
      withdraw = owned(WITHDRAWS, @tenant) || refuse(404, 'RESOURCE_NOT_FOUND', 'Withdraw not found')
      status = withdraw[:status]
      if status == 'processing' && !withdraw[:stoppable]
        refuse 400, 'VALIDATION_ERROR', 'The provider does not support cancelling this withdraw'
      elsif !%w[pending processing].include?(status)
        refuse 400, 'VALIDATION_ERROR', "Withdraw cannot be cancelled because it is already #{status}"
      end
      at = now
      withdraw.update(status: 'canceled', canceledAt: at, updatedAt: at)
      show(withdraw)
    end
  end
end

# POST /payout_intents/{id}/cancel, and GET /payout_intents/{id}
class Intents < Api
  helpers do
    def refuse(status, code, message)
      halt status, JSON.generate(error: { code: code, message: message })
    end

    def tenant
      TENANTS[ACCOUNTS.find { |_, one| one['public_key'] == request.env['REMOTE_USER'] }.first]
    end

    def intent
      owned(INTENTS, tenant) || refuse(404, 'not_found', 'Payout intent not found')
    end

    def show(intent)
      JSON.generate(intent.reject { |name, _| name == :tenant })
    end

    def reason
      text = request.body.read
      body = text.empty? ? {} : JSON.parse(text)
      refuse 400, 'invalid_request', 'The body has to be an object' unless body.is_a?(Hash)
      reason = body['reason']
      return reason if reason.nil? || (reason.is_a?(String) && reason.length <= 512)

      refuse 400, 'invalid_request', 'The reason has to be a text of at most 512 characters'
    rescue JSON::ParserError
      refuse 400, 'invalid_request', 'The body is not JSON'
    end
  end

  get '/:id' do
    show(intent)
  end

  post '/:id/cancel' do
    why = reason
    key = request.env['HTTP_IDEMPOTENCY_KEY']
    LOCK.synchronize do
      found = intent
      use = [tenant, key]
      fingerprint = [found[:id], why]
      if key && KEYS[use]
        first, answer = KEYS[use]
        refuse 409, 'idempotency_conflict', 'The key was used for another request' if first != fingerprint
        halt 202, answer
      end
      unless found[:status] == 'requires_approval'
        refuse 422, 'approval_required', "Payout intent is in status \"#{found[:status]}\""
      end
      found.update(status: 'cancelled', failure_code: 'cancelled', failure_message: why, updated_at: now)
      answer = show(found)
      KEYS[use] = [fingerprint, answer] if key
      status 202
      answer
    end
  end
end

# POST /_states
class States < Api
  MADE = {
    'withdraws' => %w[pending processing paid failed canceled],
    'payout-intents' => %w[requires_approval processing cancelled completed]
  }.freeze

  post '/' do
    asked = JSON.parse(request.body.read)
    params = asked['params'] || {}
    settle(asked['id'] || params['id']) if asked['action'] == 'settle'
    halt 200, '{}' unless asked['action'] == 'setup'
    halt 404, '{}' unless MADE.fetch(params['contract']).include?(params['status'])
    tenant = TENANTS[params['environment'] == 'other' ? 'other_environment' : params['owner'] || 'primary']
    made = params['contract'] == 'withdraws' ? withdraw(tenant, params) : intent(tenant, params['status'])
    JSON.generate(made.reject { |name, _| %i[tenant stoppable].include?(name) })
  end

  helpers do
    def settle(id)
      LOCK.synchronize do
        at = now
        if %w[pending processing].include?(WITHDRAWS.dig(id, :status))
          WITHDRAWS[id].update(status: 'paid', paidAt: at, updatedAt: at)
        elsif %w[requires_approval processing].include?(INTENTS.dig(id, :status))
          INTENTS[id].update(status: 'completed', updated_at: at)
        end
      end
    end

    def withdraw(tenant, params)
      status = params['status']
      at = now
      id = SecureRandom.uuid
      WITHDRAWS[id] = {
        tenant: tenant, stoppable: params.fetch('provider_supports_cancel', true), id: id, amount: '5.25',
        currency: 'USD', status: status, referenceId: 'gift', destinationType: 'bank_account',
        bankAccountNumber: SecureRandom.random_number(10**11..10**12 - 1).to_s, bankAccountName: 'Sok Dara',
        bankCode: '003', destinationId: nil, description: 'Gift', metadata: { 'from' => 'Ølga', 'count' => 2 },
        paidAt: status == 'paid' ? at : nil, canceledAt: status == 'canceled' ? at : nil, createdAt: at,
        updatedAt: at
      }
    end

    def intent(tenant, status)
      at = now
      id = "pout_#{SecureRandom.alphanumeric(22)}"
      INTENTS[id] = {
        tenant: tenant, object: 'payout_intent', id: id, amount: '525', currency: 'USD', country: 'KH',
        environment: tenant.environment, status: status, merchant_reference: 'gift',
        recipient: { type: 'bank_account', account_last4: '8080', bank_code: 'ABAAKHPP', holder_name: 'Sok Dara' },
        failure_code: status == 'cancelled' ? 'cancelled' : nil, failure_message: nil, created_at: at, updated_at: at
      }
    end
  end
end

APP = Rack::Builder.app do
  map('/api/v1/withdraws') { run Withdraws }
  map('/payout_intents') do
    use Rack::Auth::Basic, 'Merchant API' do |public_key, secret_key|
      ACCOUNTS.any? do |_, one|
        one['public_key'] == public_key && Rack::Utils.secure_compare(one['secret_key'], secret_key)
      end
    end
    run Intents
  end
  map('/_states') { run States }
end

# Puma 5 logs by its events, later ones don't.
events = Puma::Events.respond_to?(:null) ? Puma::Events.null : nil
server = Puma::Server.new(APP, events, min_threads: 8, max_threads: 8)
listener = server.add_tcp_listener('127.0.0.1', 0)
$stdout.puts "http://127.0.0.1:#{listener.addr[1]}"
$stdout.flush
server.run.join
