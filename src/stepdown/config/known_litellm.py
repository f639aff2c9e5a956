"""LiteLLM's keys that Stepdown understands but does not honour, each with the reason.

The names are those of LiteLLM 1.106. Source: docs.litellm.ai/docs/proxy/config_settings
"""

from collections.abc import Collection, Mapping

from stepdown.config.notes import IGNORED, UNENFORCED, UNKNOWN, Note, join
from stepdown.names import nearest

Reason = tuple[str, str]
"""A note's kind, and why."""

_KEYS = (
    UNENFORCED,
    "there is one key, master_key; virtual keys, users and teams do not exist here",
)
_BUDGET = (UNENFORCED, "budgets do not exist in this version")
_GUARDRAIL = (UNENFORCED, "guardrails do not exist here; nothing is filtered")
_LIMIT = (UNENFORCED, "limits on parallel requests do not exist in this version; rpm and tpm do")
_LOGS = (IGNORED, "costs go to Stepdown's ledger; there are no callbacks or exporters")
_CACHE = (IGNORED, "Stepdown's caches are switched on in its own section 'cache'")
_REDIS = (IGNORED, "routing keeps its state in each process; for caches see the section 'cache'")
_DATABASE = (IGNORED, "Stepdown keeps its ledger in the database named by ledger.url")
_BODY = (IGNORED, "the client's body is passed on as it came; let the client send it")
_PROVIDER = (IGNORED, "it belongs to a provider that does not speak OpenAI's dialect")
_OTHER_API = (IGNORED, "this version serves chat completions only")
_ROUTES = (IGNORED, "Stepdown's own routing stands under 'routes'")
_HEALTH = (IGNORED, "failing deployments are found by their failures, not by health checks")
_UI = (IGNORED, "there is no such user interface here")
_PRICE = (
    IGNORED,
    "a price of this kind is not applied; check the model's cost with 'stepdown check'",
)
_INNER = (IGNORED, "it is a setting of LiteLLM's inner workings")
_TIER = (IGNORED, "service tiers are passed on, not interpreted")

SECTIONS: dict[str, Reason] = {
    "callback_settings": _LOGS,
    "finetune_settings": _OTHER_API,
    "files_settings": _OTHER_API,
    "assistant_settings": _OTHER_API,
    "search_tools": _OTHER_API,
    "sandbox_tools": _OTHER_API,
    "vector_store_registry": _OTHER_API,
    "mcp_servers": _OTHER_API,
    "mcp_tools": _OTHER_API,
    "agents": _OTHER_API,
    "agent_list": _OTHER_API,
    "prompts": _OTHER_API,
    "default_vertex_config": _PROVIDER,
    "credential_list": (IGNORED, "write the credentials into litellm_params"),
    "worker_registry": _UI,
    "guardrails": _GUARDRAIL,
    "policies": _GUARDRAIL,
    "policy_attachments": _GUARDRAIL,
    "plugins": _INNER,
}

_ROUTER: dict[Reason, str] = {
    _REDIS: "redis_url redis_host redis_port redis_password redis_db cache_kwargs polling_interval",
    _CACHE: "cache_responses caching_groups client_ttl",
    _LIMIT: "default_max_parallel_requests",
    _BUDGET: "provider_budget_config fallback_budget_check",
    _KEYS: "fallback_access_check",
    _LOGS: "set_verbose debug_level alerting_config",
    _BODY: "default_litellm_params default_priority",
    _ROUTES: "enable_tag_filtering tag_filtering_match_any tag_routing_prefix routing_groups "
    "auto_router_capability_limit model_group_affinity_config deployment_affinity_ttl_seconds",
    _HEALTH: "enable_health_check_routing health_check_staleness_threshold "
    "health_check_ignore_transient_errors background_health_check_model_groups",
    _OTHER_API: "assistants_config search_tools guardrail_list",
    _INNER: "plugins routing_strategy_args optional_pre_call_checks router_general_settings "
    "ignore_invalid_deployments enable_weighted_failover max_fallbacks model_group_retry_policy",
}

_SETTINGS: dict[Reason, str] = {
    _LOGS: "success_callback failure_callback callbacks input_callback service_callback "
    "service_callbacks audit_log_callbacks set_verbose json_logs log_level langfuse_default_tags "
    "turn_off_message_logging redact_user_api_key_info redact_messages_in_exceptions "
    "store_audit_logs s3_callback_params datadog_params disable_end_user_cost_tracking "
    "disable_end_user_cost_tracking_prometheus_only custom_prometheus_metadata_labels "
    "custom_prometheus_tags prometheus_metrics_config prometheus_initialize_budget_metrics "
    "require_auth_for_metrics_endpoint disable_streaming_logging log_raw_request_response "
    "suppress_debug_info add_user_information_to_llm_headers forward_traceparent_to_llm_provider",
    _CACHE: "cache cache_params caching_with_models default_in_memory_ttl default_redis_ttl "
    "enable_anthropic_prompt_caching enable_caching_on_provider_specific_optional_params",
    _BUDGET: "max_budget budget_duration max_user_budget max_end_user_budget tag_budget_config "
    "max_internal_user_budget internal_user_budget_duration default_soft_budget budget_rollover "
    "block_requests_for_models_without_pricing",
    _KEYS: "key_generation_settings default_key_generate_params upperbound_key_generate_params "
    "default_team_settings default_team_params default_internal_user_params public_model_groups "
    "enable_key_alias_format_validation priority_reservation",
    _GUARDRAIL: "guardrails llamaguard_model_name blocked_user_list banned_keywords_list "
    "llm_guard_mode guardrail_name_config_map output_parse_pii presidio_ad_hoc_recognizers "
    "google_moderation_confidence_threshold openai_moderations_model_name",
    _BODY: "modify_params add_function_to_prompt custom_prompt_dict headers max_tokens "
    "route_all_chat_openai_to_responses openai_system_messages_first "
    "enable_json_schema_validation include_cost_in_streaming_usage",
    _PRICE: "cost_discount_config cost_margin_config model_cost model_cost_map_url",
    _PROVIDER: "vertex_project vertex_location vertex_ai_safety_settings "
    "use_chat_completions_url_for_anthropic_messages disable_copilot_system_to_assistant",
    _ROUTES: "model_alias_map model_group_settings model_fallbacks",
    _OTHER_API: "mcp_aliases mcp_semantic_tool_filter enable_loadbalancing_on_batch_endpoints "
    "require_managed_files public_mcp_servers public_agent_groups",
    _INNER: "force_ipv4 ssl_verify ssl_security_level ssl_certificate http2 aiohttp_trust_env "
    "use_aiohttp_transport disable_aiohttp_transport num_retries_per_request telemetry "
    "enable_preview_features disable_hf_tokenizer_download disable_token_counter "
    "custom_provider_map return_response_headers api_base api_key api_version organization",
}

_GENERAL: dict[Reason, str] = {
    _KEYS: "custom_auth enable_jwt_auth litellm_jwtauth allowed_routes enforce_user_param "
    "reject_clientside_metadata_tags infer_model_from_keys ui_access_mode user_header_name "
    "user_header_mappings public_routes admin_only_routes allowed_ips use_x_forwarded_for "
    "key_management_system key_management_settings use_google_kms use_azure_key_vault "
    "enable_oauth2_auth enforced_params user_api_key_cache_ttl",
    _LIMIT: "max_parallel_requests global_max_parallel_requests max_in_flight_requests_per_worker "
    "max_queued_requests_per_worker admission_queue_timeout_seconds max_response_size_mb "
    "fail_closed_rate_limit_enforcement disable_retry_on_max_parallel_request_limit_error",
    (IGNORED, "requests are limited by server.max_body"): "max_request_size_mb",
    _BUDGET: "disable_reset_budget disable_budget_reservation proxy_budget_rescheduler_min_time "
    "proxy_budget_rescheduler_max_time",
    _DATABASE: "database_url database_connection_pool_limit database_connection_timeout "
    "database_type database_args store_model_in_db disable_spend_logs disable_spend_updates "
    "store_prompts_in_spend_logs maximum_spend_logs_retention_period supported_db_objects "
    "maximum_spend_logs_retention_interval allow_requests_on_db_unavailable "
    "proxy_batch_write_at disable_prisma_schema_update disable_adding_master_key_hash_to_db",
    _REDIS: "coordination_redis use_redis_transaction_buffer",
    _LOGS: "alerting alerting_threshold alert_types alert_to_webhook_url alerting_args otel "
    "spend_report_frequency disable_error_logs",
    _HEALTH: "background_health_checks health_check_interval health_check_concurrency "
    "health_check_details model_list_healthy_only",
    _OTHER_API: "pass_through_endpoints max_batch_file_size_mb max_file_size_mb "
    "user_mcp_management_mode enable_openai_websocket_passthrough",
    _BODY: "completion_model forward_client_headers_to_llm_api disable_responses_id_security",
    _UI: "disable_master_key_return enable_public_model_hub ui_theme_config "
    "disable_env_credential_login",
    _INNER: "plugins proxy_config_reload_interval_seconds cancel_on_disconnect "
    "include_call_id_in_error_body dangerously_permit_weak_or_unset_master_key",
}

_PARAMS: dict[Reason, str] = {
    _BODY: "functions function_call temperature top_p n stream stream_options stop max_tokens "
    "max_completion_tokens modalities prediction audio presence_penalty frequency_penalty "
    "logit_bias user response_format seed tools tool_choice logprobs top_logprobs "
    "parallel_tool_calls messages reasoning_effort verbosity thinking web_search_options "
    "safety_identifier prompt_cache_key prompt_cache_retention store metadata top_k extra_body "
    "allowed_openai_params litellm_system_prompt prompt_id prompt_variables headers",
    _TIER: "service_tier timeout_by_service_tier stream_timeout_by_service_tier",
    _BUDGET: "max_budget budget_duration default_api_key_tpm_limit default_api_key_rpm_limit",
    _LIMIT: "max_parallel_requests itpm otpm",
    _GUARDRAIL: "guardrails",
    _KEYS: "configurable_clientside_auth_params",
    _ROUTES: "tags tag_regex silent_model auto_router_config auto_router_config_path "
    "auto_router_default_model auto_router_embedding_model complexity_router_config "
    "complexity_router_default_model adaptive_router_config quality_router_config "
    "allowed_model_region region_name fallbacks context_window_fallback_dict",
    (IGNORED, "write the credentials into litellm_params"): "litellm_credential_name",
    (IGNORED, "use azure_ad_token, or api_key"): "tenant_id client_id client_secret azure_scope "
    "azure_username azure_password azure_ad_token_provider",
    (IGNORED, "for made-up answers use the model 'simulated/NAME'"): "mock_response mock_timeout",
    _CACHE: "caching cache ttl caching_groups enable_prompt_caching",
    _LOGS: "litellm_trace_id turn_off_message_logging",
    (IGNORED, "retries are set by max_retries"): "num_retries retry_policy retry_strategy",
    _PRICE: "tiered_pricing cost_per_second cost_per_query",
    _INNER: "use_in_pass_through use_litellm_proxy use_chat_completions_api base_model roles "
    "merge_reasoning_content_in_choices keepalive_seconds supports_system_message max_file_size_mb "
    "use_xai_oauth provider_affinity_header request_timeout force_timeout hf_model_name",
}

_INFO: dict[Reason, str] = {
    _KEYS: "team_id team_public_model_name access_groups blocked discoverable access_windows",
    _INNER: "db_model updated_at updated_by created_at created_by tier description metadata "
    "max_tokens max_output_tokens litellm_provider health_check_timeout health_check_model "
    "disable_background_health_check ptu_count cost_per_ptu_per_hour internal_router_model",
}


def _by_name(groups: Mapping[Reason, str]) -> dict[str, Reason]:
    return {name: reason for reason, names in groups.items() for name in names.split()}


_KNOWN: dict[str, dict[str, Reason]] = {
    "": SECTIONS,
    "router_settings": _by_name(_ROUTER),
    "litellm_settings": _by_name(_SETTINGS),
    "general_settings": _by_name(_GENERAL),
    "litellm_params": _by_name(_PARAMS),
    "model_info": _by_name(_INFO),
    "policy": {},
    "entry": _by_name({(IGNORED, "write it into litellm_params"): "rpm tpm timeout weight"}),
}

_PREFIXES: dict[str, Reason] = {
    "aws_": _PROVIDER,
    "vertex_": _PROVIDER,
    "s3_": _PROVIDER,
    "gcs_": _PROVIDER,
    "watsonx_": _PROVIDER,
    "anthropic_": _PROVIDER,
    "bedrock_": _PROVIDER,
    "langfuse_": _LOGS,
    "langsmith_": _LOGS,
    "arize_": _LOGS,
    "supports_": (IGNORED, "what a model can do is not checked"),
}


def note_on(kind: str, path: str, key: str, honoured: Collection[str]) -> Note:
    """The note on a key that is not honoured. ``kind`` is the mapping that it stands in."""
    place = join(path, key)
    if known := _KNOWN[kind].get(key):
        return Note(place, *known)
    if kind in ("litellm_params", "model_info"):
        if "cost_per_" in key or key.startswith(("cache_read_input", "cache_creation_input")):
            return Note(place, *_PRICE)
        for prefix, reason in _PREFIXES.items():
            if key.startswith(prefix):
                return Note(place, *reason)
    suggestion = nearest(key, [*honoured, *_KNOWN[kind]])
    return Note(
        place, UNKNOWN, f"ignored; neither LiteLLM nor Stepdown is known to read it.{suggestion}"
    )
