// SPDX-License-Identifier: GPL-2.0-or-later
/* What ethtool shows and does. */
#include <linux/ethtool.h>

#include "shim.h"

#define NDIS_SPEED_UNITS_PER_MBIT 10000         /* OID_GEN_LINK_SPEED counts 100 bit/s */

static const char shim_statistic_names[][ETH_GSTRING_LEN] = {
	"interrupts", "polls", "rx_indicated", "rx_no_memory", "tx_batches", "tx_queue_stops", "tx_succeeded",
	"tx_failed", "resets",
};
static_assert(ARRAY_SIZE(shim_statistic_names) == sizeof(struct shim_statistics) / sizeof(u64));

/* What the miniport counts itself. */
static const struct {
	const char *name;
	NDIS_OID oid;
} miniport_counters[] = {
	{ "miniport_rx_ok", OID_GEN_RCV_OK },
	{ "miniport_tx_ok", OID_GEN_XMIT_OK },
};

static const char * const card_counter_names[] = { NICRIG_COUNTER_NAMES };
static_assert(ARRAY_SIZE(card_counter_names) == NICRIG_COUNTERS);

static void shim_get_drvinfo(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, SHIM_NAME, sizeof(info->driver));
	strscpy(info->version, SHIM_VERSION, sizeof(info->version));
	strscpy(info->bus_info, pci_name(((struct shim *)netdev_priv(netdev))->pdev), sizeof(info->bus_info));
}

static int shim_get_sset_count(struct net_device *netdev, int set)
{
	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return ARRAY_SIZE(shim_statistic_names) + ARRAY_SIZE(miniport_counters) + NICRIG_COUNTERS;
}

/* The card's counters have a prefix, because both sides count "interrupts". */
static void shim_get_strings(struct net_device *netdev, u32 set, u8 *data)
{
	size_t i;

	if (set != ETH_SS_STATS)
		return;
	for (i = 0; i < ARRAY_SIZE(shim_statistic_names); i++)
		ethtool_puts(&data, shim_statistic_names[i]);
	for (i = 0; i < ARRAY_SIZE(miniport_counters); i++)
		ethtool_puts(&data, miniport_counters[i].name);
	for (i = 0; i < NICRIG_COUNTERS; i++)
		ethtool_sprintf(&data, "card_%s", card_counter_names[i]);
}

static void shim_get_statistics(struct net_device *netdev, struct ethtool_stats *stats, u64 *data)
{
	struct shim *shim = netdev_priv(netdev);
	size_t i;

	memcpy(data, &shim->statistics, sizeof(shim->statistics));
	data += ARRAY_SIZE(shim_statistic_names);
	for (i = 0; i < ARRAY_SIZE(miniport_counters); i++) {
		ULONG64 value = 0;

		shim_query(shim, miniport_counters[i].oid, &value, sizeof(value));
		*data++ = value;
	}
	shim_read_counters(shim);
	memcpy(data, shim->counters, sizeof(shim->counters));
}

static bool shim_full_duplex(struct shim *shim)
{
	return shim_query_ulong(shim, OID_GEN_MAC_OPTIONS) & NDIS_MAC_OPTION_FULL_DUPLEX;
}

static int shim_get_link_ksettings(struct net_device *netdev, struct ethtool_link_ksettings *settings)
{
	struct shim *shim = netdev_priv(netdev);
	bool up = netif_carrier_ok(netdev);

	ethtool_link_ksettings_zero_link_mode(settings, supported);
	ethtool_link_ksettings_zero_link_mode(settings, advertising);
	settings->base.speed = up ? shim_query_ulong(shim, OID_GEN_LINK_SPEED) / NDIS_SPEED_UNITS_PER_MBIT :
				    (u32)SPEED_UNKNOWN;
	settings->base.duplex = !up ? DUPLEX_UNKNOWN : shim_full_duplex(shim) ? DUPLEX_FULL : DUPLEX_HALF;
	settings->base.port = PORT_OTHER;
	settings->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

static void shim_get_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
			       struct kernel_ethtool_ringparam *kernel_ring, struct netlink_ext_ack *extack)
{
	struct shim *shim = netdev_priv(netdev);

	ring->rx_pending = shim_ring_size(shim, OID_GEN_RECEIVE_BUFFER_SPACE, OID_GEN_RECEIVE_BLOCK_SIZE);
	ring->tx_pending = shim_ring_size(shim, OID_GEN_TRANSMIT_BUFFER_SPACE, OID_GEN_TRANSMIT_BLOCK_SIZE);
	ring->rx_max_pending = shim->kind->ring_max ?: ring->rx_pending;
	ring->tx_max_pending = shim->kind->ring_max ?: ring->tx_pending;
}

/* The card has one reset, which resets everything. */
static int shim_ethtool_reset(struct net_device *netdev, u32 *flags)
{
	int error = shim_reset(netdev_priv(netdev));

	if (!error)
		*flags = 0;
	return error;
}

const struct ethtool_ops shim_ethtool_ops = {
	.get_drvinfo = shim_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = shim_get_link_ksettings,
	.get_ringparam = shim_get_ringparam,
	.get_sset_count = shim_get_sset_count,
	.get_strings = shim_get_strings,
	.get_ethtool_stats = shim_get_statistics,
	.get_ts_info = ethtool_op_get_ts_info,
	.reset = shim_ethtool_reset,
};
