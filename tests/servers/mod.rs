//! Servers that refuse, break off, or cannot swap several refs at once.
