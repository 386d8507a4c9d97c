from apps.interactions.models.apikey import ApiKey, Scope, UserToken
from apps.interactions.models.call import CallCount, IdempotentCall
from apps.interactions.models.catalogue import Article, CustomerEvent, Passage, Product
from apps.interactions.models.decision import DecisionRecord
from apps.interactions.models.duty import Delivery, Notice, Shift
from apps.interactions.models.effect import Budget, Effect, Reservation, SimulatedAction
from apps.interactions.models.escalation import Escalation, Note
from apps.interactions.models.interaction import Interaction, Message
from apps.interactions.models.judgement import Judgement
from apps.interactions.models.mail import Mail, MailBox, OutgoingMail
from apps.interactions.models.mirror import Customer, Order, OrderEvent, OrderLine, Payment
from apps.interactions.models.outcome import Outcome, PastCase
from apps.interactions.models.outside_model import ModelCall, ModelOptIn, ModelSpend, OutsideModel
from apps.interactions.models.packet import ContextPacket
from apps.interactions.models.precedent import Precedent
from apps.interactions.models.reading_model import ReadingModel
from apps.interactions.models.shop import ShopConnection, ShopHook, ShopMark
from apps.interactions.models.webhook import EventKind, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from apps.interactions.models.widget import ChatWidget
from apps.interactions.models.work import AlarmWord, CaseTypeSetting, OutboxEvent, ReasonCode, WorkerHeartbeat

__all__ = [
    "AlarmWord",
    "ApiKey",
    "Article",
    "Budget",
    "CallCount",
    "CaseTypeSetting",
    "ChatWidget",
    "ContextPacket",
    "Customer",
    "CustomerEvent",
    "DecisionRecord",
    "Delivery",
    "Effect",
    "Escalation",
    "EventKind",
    "IdempotentCall",
    "Interaction",
    "Judgement",
    "Mail",
    "MailBox",
    "Message",
    "ModelCall",
    "ModelOptIn",
    "ModelSpend",
    "Note",
    "Notice",
    "Order",
    "OrderEvent",
    "OrderLine",
    "OutboxEvent",
    "Outcome",
    "OutgoingMail",
    "OutsideModel",
    "Passage",
    "PastCase",
    "Payment",
    "Precedent",
    "Product",
    "ReadingModel",
    "ReasonCode",
    "Reservation",
    "Scope",
    "Shift",
    "ShopConnection",
    "ShopHook",
    "ShopMark",
    "SimulatedAction",
    "UserToken",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WorkerHeartbeat",
]
