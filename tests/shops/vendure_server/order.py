"""The fields of an order that the Admin API tells a role that may read orders."""

ORDER = """
  id code state active createdAt updatedAt orderPlacedAt currencyCode couponCodes nextStates
  subTotal subTotalWithTax shipping shippingWithTax total totalWithTax
  customer { id title firstName lastName emailAddress phoneNumber groups { id name } user { id verified } }
  shippingAddress { ...Address } billingAddress { ...Address }
  lines {
    id quantity orderPlacedQuantity unitPrice unitPriceWithTax discountedUnitPriceWithTax proratedUnitPriceWithTax
    linePriceWithTax proratedLinePriceWithTax taxRate productVariant { id sku name }
    fulfillmentLines { fulfillmentId quantity }
  }
  surcharges { id description priceWithTax }
  shippingLines { id priceWithTax discountedPriceWithTax shippingMethod { id code name } }
  payments {
    id createdAt updatedAt method amount state transactionId errorMessage metadata
    refunds {
      id createdAt updatedAt method state total items shipping adjustment reason transactionId metadata
      lines { orderLineId quantity }
    }
  }
  fulfillments { id createdAt updatedAt state method trackingCode nextStates lines { orderLineId quantity } }
  modifications { id createdAt note priceChange isSettled }
  history(options: {sort: {createdAt: ASC}, take: 100}) {
    totalItems items { id createdAt type isPublic data administrator { id emailAddress } }
  }
"""
ADDRESS = """fragment Address on OrderAddress {
  fullName company streetLine1 streetLine2 city province postalCode countryCode phoneNumber }"""
