"""How the services talk to Kafka: clients set up the house's way, and topics made and checked."""
