"""The parameters each call knows by name, as the official SDK of this API version lists them."""

SESSION = frozenset(
    """adaptive_pricing after_expiration allow_promotion_codes allowed_payment_method_types automatic_tax
    billing_address_collection branding_settings cancel_url client_reference_id consent_collection currency
    custom_fields custom_text customer customer_account customer_creation customer_email customer_update discounts
    excluded_payment_method_types expires_at integration_identifier invoice_creation line_items locale
    managed_payments metadata mode name_collection optional_items origin_context payment_intent_data
    payment_method_collection payment_method_configuration payment_method_data payment_method_options permissions
    phone_number_collection redirect_on_completion return_url saved_payment_method_options setup_intent_data
    shipping_address_collection shipping_options submit_type subscription_data success_url tax_id_collection ui_mode
    wallet_options""".split()
)

#: Known, but they change the amount or the flow in ways the simulator does not follow.
SESSION_UNSUPPORTED = (
    "discounts",
    "shipping_options",
    "optional_items",
    "automatic_tax",
    "setup_intent_data",
    "subscription_data",
    "ui_mode",
)

PAYMENT_INTENT = frozenset(
    """allowed_payment_method_types amount amount_details application_fee_amount automatic_payment_methods
    capture_method confirm confirmation_method confirmation_token currency customer customer_account description
    error_on_requires_action excluded_payment_method_types hooks mandate mandate_data metadata off_session
    on_behalf_of payment_details payment_method payment_method_configuration payment_method_data
    payment_method_options radar_options receipt_email return_url setup_future_usage shipping statement_descriptor
    statement_descriptor_suffix transfer_data transfer_group use_stripe_sdk""".split()
)
PAYMENT_INTENT_CONFIRM = frozenset(
    """allowed_payment_method_types amount_details amount_to_confirm capture_method confirmation_token
    error_on_requires_action excluded_payment_method_types hooks mandate mandate_data off_session payment_details
    payment_method payment_method_data payment_method_options radar_options receipt_email return_url
    setup_future_usage shipping use_stripe_sdk""".split()
)
PAYMENT_INTENT_CAPTURE = frozenset(
    """amount_details amount_to_capture application_fee_amount final_capture hooks metadata payment_details
    statement_descriptor statement_descriptor_suffix transfer_data""".split()
)
REFUND = frozenset(
    """amount charge currency customer instructions_email metadata origin payment_intent reason
    refund_application_fee reverse_transfer""".split()
)
PAYOUT = frozenset(
    """amount currency description destination metadata method payout_method source_type
    statement_descriptor""".split()
)
ACCOUNT = frozenset(
    """account_token business_profile business_type capabilities company controller country default_currency
    documents email external_account groups individual metadata settings tos_acceptance type""".split()
)
DISPUTE_UPDATE = frozenset("evidence intended_submission_method metadata submit".split())
