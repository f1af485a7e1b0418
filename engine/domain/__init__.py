"""Value types of the trading domain. They stand on nothing and know no clock."""
