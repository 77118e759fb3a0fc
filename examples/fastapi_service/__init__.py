"""An onboarding backend: brands come in, their RCS senders are launched, and whoever waits is kept informed."""
