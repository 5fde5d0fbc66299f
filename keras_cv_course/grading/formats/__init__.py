"""Results in the forms that other systems read: one module for each, with the contract that it keeps."""
