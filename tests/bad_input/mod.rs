//! What cannot work gets a clear error and changes nothing.
