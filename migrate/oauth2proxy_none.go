package migrate

// oauth2ProxyNone are the settings of oauth2-proxy without an equal, and what to do
// in their place; "" where there is nothing to say.
var oauth2ProxyNone = map[string]string{
	"http_address": "listen, which is :9000 unless it says otherwise", "https_address": "nginx ends TLS", "tls_cert_file": "nginx ends TLS", "tls_key_file": "nginx ends TLS",
	"tls_min_version": "nginx ends TLS", "tls_cipher_suites": "nginx ends TLS", "force_https": "nginx redirects", "metrics_address": "management, which is :9300 unless it says otherwise",
	"metrics_secure_address": "", "metrics_tls_cert_file": "", "metrics_tls_key_file": "",
	"proxy_prefix": "the prefix is /outpost.goauthentik.io", "proxy_websockets": "nginx passes them", "pass_host_header": "nginx does", "flush_interval": "nginx does", "upstream_timeout": "nginx does",
	"ssl_upstream_insecure_skip_verify": "nginx does", "ssl_insecure_skip_verify": "certificates of the provider are always checked: name the authority in provider.ca_file", "use_system_trust_store": "the system's certificates always count too",
	"real_client_ip_header": "X-Forwarded-For and X-Real-IP of trusted_proxies count", "trusted_proxy_ips": "write trusted_proxies", "whitelist_domains": "people come back to the hosts of the applications, and no others",
	"cookie_samesite": "cookies are Lax", "custom_templates_dir": "", "custom_sign_in_logo": "", "banner": "", "footer": "", "display_htpasswd_form": "", "show_debug_on_error": "pages name a request ID that the log has", "errors_to_info_log": "",
	"htpasswd_user_groups": "", "skip_auth_strip_headers": "nginx overwrites every header that the application is sent", "api_routes": "what is no navigation is told so by its Sec-Fetch headers", "extra_jwt_issuers": "bearer takes tokens of the application's own providers",
	"bearer_token_login_fallback": "a bad token is refused", "force_json_errors": "who asks for JSON gets it", "user_id_claim": "the subject identifies people; provider.claims says what they are called", "oidc_audience_claims": "aud counts", "oidc_extra_audiences": "one application is one client",
	"oidc_public_key_files": "", "insecure_oidc_skip_issuer_verification": "the issuer is always verified", "skip_oidc_discovery": "the provider's metadata are fetched", "oidc_jwks_url": "the provider's metadata have it", "login_url": "the provider's metadata have it",
	"redeem_url": "the provider's metadata have it", "profile_url": "the provider's metadata have it", "validate_url": "the provider's metadata have it", "skip_claims_from_profile_url": "userinfo is asked where there is one",
	"resource": "provider.extra: { resource: … }", "backend_logout_url": "sign-out is at the provider's end_session_endpoint by itself", "jwt_key": "client_key, with client_auth: private_key_jwt", "jwt_key_file": "client_key: ${file:…}, with client_auth: private_key_jwt", "pubjwk_url": "",
	"azure_graph_group_field": "groups are those of the token", "entra_id_federated_token_auth": "", "google_admin_email": "groups are those of the token; Google sends none", "google_service_account_json": "groups are those of the token; Google sends none",
	"google_use_application_default_credentials": "", "google_target_principal": "", "github_token": "", "signature_key": "", "gcp_healthchecks": "GET /outpost.goauthentik.io/ping", "ping_user_agent": "GET /outpost.goauthentik.io/ping",
	"logging_filename": "the log is on standard error", "logging_max_size": "the log is on standard error", "logging_max_age": "the log is on standard error", "logging_max_backups": "the log is on standard error", "logging_local_time": "", "logging_compress": "",
	"standard_logging": "log.level", "standard_logging_format": "log.format", "request_logging": "log.level: debug", "request_logging_format": "log.format", "auth_logging": "log.level", "auth_logging_format": "log.format",
	"exclude_logging_paths": "", "request_id_header": "", "redis_insecure_skip_tls_verify": "", "redis_connection_idle_timeout": "", "redis_sentinel_password": "session.redis.sentinel.password", "redis_connection_url": "", "redis_password": "", "redis_username": "",
	"redis_use_sentinel": "", "redis_use_cluster": "", "redis_sentinel_master_name": "", "redis_sentinel_connection_urls": "", "redis_cluster_connection_urls": "", "redis_ca_path": "", "allow_query_semicolons": "",
	"alpha_config": "give the file to import as well", "config_test": "outpost check", "version": "", "additional_claims": "headers.set names any claim in braces", "allowed_hosts": "the hosts of the applications",
}
