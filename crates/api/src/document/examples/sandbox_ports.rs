//! Examples of ports of sandboxes.

use crate::document::example::{Example, text, time};
use crate::sandbox_ports::*;

impl Example for PortSettings {
    const NAME: &'static str = "port";

    fn example() -> Self {
        Self { port: 3_000, name: Some(text("web")), ..Self::default() }
    }
}

impl Example for ExposedPort {
    const NAME: &'static str = "port";

    fn example() -> Self {
        Self {
            port: 3_000,
            name: Some(text("web")),
            url: text("https://3000-4q7yq2mzsd5kxv3ahl6wcbneft-k3vq7m2xpalzw4dt.preview.example.net/"),
            token: Some(text("k3vq7m2xpalzw4dt")),
            public: false,
            host_header: HostHeader::Preview,
            created_at: time(),
        }
    }
}

impl Example for PortList {
    const NAME: &'static str = "ports";

    fn example() -> Self {
        Self { ports: vec![ExposedPort::example()] }
    }
}
