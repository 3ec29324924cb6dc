"""Agents: who brings money in through terminals and partner sites, over the OSMP protocol with us as the provider."""
