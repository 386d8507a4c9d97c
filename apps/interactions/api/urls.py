from django.urls import path

from apps.interactions.api import key_views, mirror_views, outcome_views, ruling_views, views, webhook_views

app_name = "api"
urlpatterns = [
    path("interactions/", views.Interactions.as_view(), name="interactions"),
    path("interactions/batch/", views.InteractionBatch.as_view(), name="interaction-batch"),
    path("interactions/<uuid:reference>/", views.OneInteraction.as_view(), name="interaction"),
    path("interactions/<uuid:reference>/messages/", views.Messages.as_view(), name="messages"),
    path("interactions/<uuid:reference>/outcomes/", outcome_views.Outcomes.as_view(), name="outcomes"),
    path("history/", outcome_views.History.as_view(), name="history"),
    path("customers/<str:name>/", mirror_views.OneCustomer.as_view(), name="customer"),
    path("customers/<str:external_id>/events/", mirror_views.CustomerEvents.as_view(), name="customer-events"),
    path("products/<str:name>/", mirror_views.OneProduct.as_view(), name="product"),
    path("articles/<slug:name>/", mirror_views.OneArticle.as_view(), name="article"),
    path("orders/<str:name>/", mirror_views.OneOrder.as_view(), name="order"),
    path("orders/<str:number>/events/", mirror_views.OrderEvents.as_view(), name="order-events"),
    path("decisions/<uuid:reference>/", ruling_views.OneDecision.as_view(), name="decision"),
    path("rulings/", ruling_views.Rulings.as_view(), name="rulings"),
    path("rulings/dry-run/", ruling_views.DryRun.as_view(), name="dry-run"),
    path("pauses/", ruling_views.Pauses.as_view(), name="pauses"),
    path("key/rotate/", key_views.RotateKey.as_view(), name="key-rotate"),
    path("webhook-endpoints/", webhook_views.Hooks.as_view(), name="webhook-endpoints"),
    path("webhook-endpoints/<uuid:reference>/", webhook_views.OneHook.as_view(), name="webhook-endpoint"),
    path("webhook-endpoints/<uuid:reference>/rotate/", webhook_views.Rotate.as_view(), name="webhook-rotate"),
    path("webhook-endpoints/<uuid:reference>/test/", webhook_views.Test.as_view(), name="webhook-test"),
    path("webhook-endpoints/<uuid:reference>/replay/", webhook_views.Replay.as_view(), name="webhook-replay"),
    path("webhook-deliveries/", webhook_views.Deliveries.as_view(), name="webhook-deliveries"),
    path("webhook-deliveries/<uuid:reference>/", webhook_views.OneDelivery.as_view(), name="webhook-delivery"),
    path(
        "webhook-deliveries/<uuid:reference>/replay/", webhook_views.ReplayOne.as_view(), name="webhook-delivery-replay"
    ),
    path("schemas/context-packet.json", ruling_views.PacketSchema.as_view(), name="packet-schema"),
    path("actions/<uuid:key>/result/", views.ActionResult.as_view(), name="action-result"),
]
