//! The controllers' decisions as functions.
