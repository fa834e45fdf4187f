"""The operations that a policy file may name: those of all clients.

A file may be used with several clients, so a name that only one client has is valid. Each adapter has its
own table of operations; a test compares this list with them.
"""

from __future__ import annotations

from typing import Final

OPERATION_NAMES: Final = frozenset(
    """
    abort abort_blocking add add_blocking admin_change_password admin_create_pki_user
    admin_create_role admin_create_user admin_drop_role admin_drop_user admin_get_role
    admin_get_roles admin_grant_privileges admin_grant_roles admin_query_role admin_query_roles
    admin_query_user_info admin_query_users_info admin_revoke_privileges admin_revoke_roles
    admin_set_password admin_set_quotas admin_set_whitelist append append_blocking apply batch
    batch_apply batch_apply_blocking batch_blocking batch_delete batch_delete_blocking
    batch_exists batch_exists_blocking batch_get_header batch_get_header_blocking batch_operate
    batch_operate_blocking batch_read batch_read_blocking batch_remove batch_stream
    batch_stream_blocking batch_write batch_write_blocking batch_write_numpy change_password
    change_password_blocking commit commit_blocking create_index create_index_blocking
    create_index_using_expression create_index_using_expression_blocking create_pki_user
    create_pki_user_blocking create_role create_role_blocking create_set_index
    create_set_index_blocking create_user create_user_blocking delete delete_blocking drop_index
    drop_index_blocking drop_role drop_role_blocking drop_user drop_user_blocking execute_udf
    execute_udf_blocking exists exists_blocking exists_legacy get get_blocking grant_privileges
    grant_privileges_blocking grant_roles grant_roles_blocking increment index_blob_create
    index_cdt_create index_expr_create index_geo2dsphere_create index_integer_create
    index_list_create index_map_keys_create index_map_values_create index_remove
    index_set_create index_single_value_create index_string_create info info_all info_blocking
    info_on_all_nodes info_on_all_nodes_blocking info_random_node info_single_node job_info
    operate operate_blocking operate_ordered ping prepend prepend_blocking put put_blocking
    query query_apply query_background query_blocking query_execute_udf
    query_execute_udf_blocking query_explain query_explain_blocking query_operate
    query_operate_blocking query_roles query_roles_blocking query_users query_users_blocking
    query_with_plan query_with_plan_blocking register_udf register_udf_blocking
    register_udf_from_file register_udf_from_file_blocking remove remove_bin remove_udf
    remove_udf_blocking revoke_privileges revoke_privileges_blocking revoke_roles
    revoke_roles_blocking scan scan_apply scan_background select set_allowlist
    set_allowlist_blocking set_quotas set_quotas_blocking set_xdr_filter set_xdr_filter_blocking
    touch touch_blocking truncate truncate_blocking udf_get udf_list udf_put udf_remove
    """.split()
)
