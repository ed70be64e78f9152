class WebSocketClient {
    constructor(url) {
        this.url = url;
        this.ws = null;
        this.reconnectDelay = 1000; // Comeca com 1 segundo
        this.maxDelay = 30000; // Maximo 30 segundos
        this.reconnectTimer = null;
    }

    connect() {
        this.ws = new WebSocket(this.url);

        this.ws.onopen = () => {
            console.log('Conectado');
            this.reconnectDelay = 1000; // Reset delay
        };

        this.ws.onmessage = (event) => {
            const data = JSON.parse(event.data);
            this.handleMessage(data);
        };

        this.ws.onclose = () => {
            console.log('Desconectado, reconectando...');
            this.scheduleReconnect();
        };

        this.ws.onerror = () => {
            this.ws.close();
        };
    }

    scheduleReconnect() {
        if (this.reconnectTimer) {
            clearTimeout(this.reconnectTimer);
        }

        this.reconnectTimer = setTimeout(() => {
            this.connect();
            // Backoff exponencial com limite
            this.reconnectDelay = Math.min(
                this.reconnectDelay * 2,
                this.maxDelay
            );
        }, this.reconnectDelay);
    }

    handleMessage(data) {
        switch (data.type) {
            case 'heartbeat':
                this.ws.send('ping');
                break;
            case 'story_created':
                console.log('Nova story:', data.data);
                break;
            // ... outros eventos
        }
    }

    send(message) {
        if (this.ws && this.ws.readyState === WebSocket.OPEN) {
            this.ws.send(JSON.stringify(message));
        }
    }

    close() {
        if (this.reconnectTimer) {
            clearTimeout(this.reconnectTimer);
        }
        if (this.ws) {
            this.ws.close();
        }
    }
}
