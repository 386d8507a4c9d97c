"""Shops: connectors that call a real shop's API, each kind in one module, without a line in the shop.

adapter     what a connector reads, does and says
calling     one call over HTTPS, bounded in time and size, to public addresses alone
vendure, shopify, woocommerce
acting      carries out effects in the shop, each called at most once, and asks what became of those without an answer
mirroring   reads orders and customers into the mirror
hooks       webhooks that shops send
"""

from apps.interactions import vault
from apps.interactions.models import ShopConnection
from apps.interactions.shops.adapter import Adapter, Door
from apps.interactions.shops.shopify import Shopify
from apps.interactions.shops.vendure import Vendure
from apps.interactions.shops.woocommerce import WooCommerce
from apps.policies.models import Partner
from apps.policies.words import Action

_KINDS: dict[str, type[Vendure] | type[Shopify] | type[WooCommerce]] = {
    ShopConnection.Kind.VENDURE: Vendure,
    ShopConnection.Kind.SHOPIFY: Shopify,
    ShopConnection.Kind.WOOCOMMERCE: WooCommerce,
}
DOES = {kind: adapter.does for kind, adapter in _KINDS.items()}
"""What each kind carries out itself."""


def adapter_of(connection: ShopConnection) -> Adapter:
    """Raises vault.Unreadable where the secret cannot be opened."""
    secret = vault.open_sealed(connection.secret) if connection.secret else ""
    return _KINDS[connection.kind](Door(connection.url, connection.account, secret))


def is_carried_out_by(partner: Partner, action: str) -> bool:
    """Whether the brand's shop is called for an action, instead of asking the brand's own systems."""
    if partner.connector != Partner.Connector.SHOP:
        return False
    connection = getattr(partner, "shop", None)
    return connection is not None and Action(action) in DOES[connection.kind]
