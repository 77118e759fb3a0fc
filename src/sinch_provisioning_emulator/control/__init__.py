"""How an emulator is steered from outside: scenarios, the control endpoint and its status page."""
